import type { Encryption } from '../encryption/encryption.ts'
import { Ec2Error } from '../errors.ts'
import type { SharedRecord } from '../sharing.ts'
import { type SnapshotTiering, tierOf } from './tiering.ts'

/**
 * An EBS snapshot: a name for a layer. It is `pending` until its layer is on disk for good. Its `sharing` is EC2's permission to create
 * volumes.
 */
export interface SnapshotRecord extends SharedRecord, Encryption {
  readonly layerId: string
  readonly state: 'pending' | 'completed' | 'error'
  /** How far a copy that is written anew is, while it is pending. */
  readonly progressPercent?: number
  readonly stateMessage?: string
  /** It is in `error` for a layer that it stands on is damaged. */
  readonly isDamaged?: true
  readonly description: string
  /** `vol-ffffffff` when it was not made from a volume, as EC2 says. */
  readonly volumeId: string
  readonly volumeSizeGib: number
  readonly startTime: string
  /** Absent while it is pending, and where it was complete from its start. */
  readonly completionTime?: string
  /** The image that it was made for. */
  readonly imageId?: string
  /** Of the marketplace products that are in it, which follow it wherever it goes. */
  readonly productCodes?: readonly string[]
  readonly lock?: SnapshotLock
  readonly tiering?: SnapshotTiering
  /** The archive of one that is restored for a time. */
  readonly archiveLayerId?: string
}

/** The snapshot, when volumes can be made of it. Throws IncorrectState while it is pending, archived, or in `error`. */
export function requireCompleted(snapshot: SnapshotRecord): SnapshotRecord {
  if (tierOf(snapshot) === 'archive') {
    throw new Ec2Error(
      'IncorrectState',
      `The snapshot '${snapshot.id}' is in the archive tier: restore it with RestoreSnapshotTier first.`,
    )
  }
  if (snapshot.state === 'completed') return snapshot
  const why = snapshot.stateMessage === undefined ? '' : ` ${snapshot.stateMessage}`
  throw new Ec2Error('IncorrectState', `The snapshot '${snapshot.id}' is in the '${snapshot.state}' state.${why}`)
}

/** A lock that keeps a snapshot from being deleted until it expires. Durations are in days, the cooling-off period in hours. */
export interface SnapshotLock {
  readonly mode: 'governance' | 'compliance'
  readonly createdOn: string
  /** When it was made or last changed: the duration counts from then. */
  readonly durationStartTime: string
  readonly durationDays: number
  readonly expiresOn: string
  readonly coolOffHours?: number
  readonly coolOffExpiresOn?: string
}
