import type { Snapshot } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { describeEncryption } from '../encryption/encryption.ts'
import { describeTags } from '../tag/tag.ts'
import type { SnapshotRecord } from './snapshot.ts'
import { tierOf } from './tiering.ts'

/** A snapshot in EC2's shape. */
export function describeSnapshot({ store }: Pick<Domain, 'store'>, snapshot: SnapshotRecord): Snapshot {
  const { state } = snapshot
  const restoreExpiryTime = snapshot.tiering?.restoreExpiryTime
  return {
    SnapshotId: snapshot.id,
    OwnerId: snapshot.accountId,
    VolumeId: snapshot.volumeId,
    VolumeSize: snapshot.volumeSizeGib,
    FullSnapshotSizeInBytes: store.layers.find(snapshot.layerId)?.fileSizeBytes,
    State: state,
    StateMessage: snapshot.stateMessage,
    Progress: progressOf(snapshot),
    StartTime: new Date(snapshot.startTime),
    ...(state === 'completed' ? { CompletionTime: new Date(snapshot.completionTime ?? snapshot.startTime) } : {}),
    Description: snapshot.description,
    ...describeEncryption(snapshot),
    StorageTier: tierOf(snapshot),
    ...(restoreExpiryTime === undefined ? {} : { RestoreExpiryTime: new Date(restoreExpiryTime) }),
    Tags: describeTags(store.tags.of(snapshot.id)),
  }
}

/** Where nothing is copied, a snapshot is whole or not there yet. */
export function progressOf({ state, progressPercent = 0 }: SnapshotRecord): string {
  return state === 'completed' ? '100%' : `${progressPercent}%`
}
