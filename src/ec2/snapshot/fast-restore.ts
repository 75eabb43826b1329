import { defineAccountSetting } from '../account-setting.ts'
import type { Domain } from '../domain.ts'
import type { CallContext } from '../operation.ts'
import type { Zone } from '../region/region.ts'
import type { SnapshotRecord } from './snapshot.ts'
import { visibleSnapshots } from './visible-snapshot.ts'

/** A snapshot that an account wants restored fast in a zone. Every volume here is at full speed at once, so it is enabled at once. */
export interface FastRestore {
  readonly snapshotId: string
  readonly zoneName: string
  readonly enabledAt: string
}

/** All that an account has enabled in a region; see listFastRestores. */
export const fastRestores = defineAccountSetting<readonly FastRestore[]>('fast-snapshot-restores', [])

/** What an account has enabled in a region, without those whose snapshots are gone. */
export function listFastRestores({ store }: Domain, context: CallContext): readonly FastRestore[] {
  return fastRestores
    .get(store, context)
    .filter(({ snapshotId }) => visibleSnapshots(store).get(context, snapshotId) !== undefined)
}

/** The zones of the region that the call goes to. */
export function zonesOf({ regions }: Domain, { region }: CallContext): readonly Zone[] {
  return regions.get(region)?.zones ?? []
}

/** Where a snapshot is restored fast, in EC2's shape, whose owner is who enabled it. */
export function describeFastRestorePlace({ accountId }: CallContext, snapshot: SnapshotRecord, zone: Zone) {
  return {
    SnapshotId: snapshot.id,
    AvailabilityZone: zone.name,
    AvailabilityZoneId: zone.id,
    OwnerId: accountId,
  }
}
