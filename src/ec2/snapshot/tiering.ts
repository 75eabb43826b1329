import type { SnapshotTierStatus, TieringOperationStatus } from '@aws-sdk/client-ec2'
import type { SnapshotRecord } from './snapshot.ts'

/**
 * Where a snapshot is kept, once it has been archived. Its archive is a layer of its own: one compressed file that stands on nothing. In
 * the archive tier the snapshot names that; restored for a time it names a layer that was made of it, and keeps the archive.
 */
export interface SnapshotTiering {
  readonly tier: 'standard' | 'archive'
  readonly operation: 'archival' | 'temporary-restore' | 'permanent-restore'
  readonly state: 'in-progress' | 'completed' | 'failed'
  readonly startTime: string
  /** Why it has failed. */
  readonly detail?: string
  readonly archivalCompleteTime?: string
  /** Of a restore for a time. */
  readonly restoreDays?: number
  /** When it goes back into the archive. */
  readonly restoreExpiryTime?: string
}

/** The tier that a snapshot is in. */
export function tierOf({ tiering }: SnapshotRecord): 'standard' | 'archive' {
  return tiering?.tier ?? 'standard'
}

/** The last operation with how it went, as EC2 calls both. */
export function tieringStatusOf({ tiering }: SnapshotRecord): TieringOperationStatus | undefined {
  return tiering && `${tiering.operation}-${tiering.state}`
}

/** What DescribeSnapshotTierStatus tells beside the snapshot's own; `progress` in percent while an operation is under way. */
export function describeTiering(snapshot: SnapshotRecord, progress: number | undefined): SnapshotTierStatus {
  const { tiering } = snapshot
  if (!tiering) return { StorageTier: 'standard' }
  const { archivalCompleteTime, restoreExpiryTime } = tiering
  return {
    StorageTier: tiering.tier,
    LastTieringStartTime: new Date(tiering.startTime),
    LastTieringProgress: tiering.state === 'completed' ? 100 : (progress ?? 0),
    LastTieringOperationStatus: tieringStatusOf(snapshot),
    LastTieringOperationStatusDetail: tiering.detail,
    ...(archivalCompleteTime === undefined ? {} : { ArchivalCompleteTime: new Date(archivalCompleteTime) }),
    ...(restoreExpiryTime === undefined ? {} : { RestoreExpiryTime: new Date(restoreExpiryTime) }),
  }
}

/** A snapshot that was restored for a time with its archive again: what volumes stand on stays for them. */
export function archivedAgain(snapshot: SnapshotRecord): SnapshotRecord {
  const { archiveLayerId, tiering, ...rest } = snapshot
  if (archiveLayerId === undefined || !tiering) return snapshot
  const { restoreExpiryTime: _expiry, restoreDays: _days, ...kept } = tiering
  return {
    ...rest,
    layerId: archiveLayerId,
    tiering: { ...kept, tier: 'archive', operation: 'archival', state: 'completed' },
  }
}
