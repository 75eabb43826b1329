import type { InstanceRecord } from '../instance/instance.ts'
import type { ResourceRecord, Store } from '../ports/store.ts'
import type { VolumeAttachment, VolumeRecord } from '../volume/volume.ts'

/**
 * A replacement of an instance's root volume: EC2's task, and the intent that the instance's driver carries out. Those that are over tell
 * which root volumes the instance has had; they go with it.
 */
export interface RootVolumeTaskRecord extends ResourceRecord {
  readonly instanceId: string
  /**
   * `pending` until the disk of the new volume is made, `in-progress` until the machine runs with it or the instance has come to rest.
   * EC2's `failed-detached` is never reached: one transaction lets the old volume go and puts the new one in its place.
   */
  readonly state: 'pending' | 'in-progress' | 'succeeded' | 'failed'
  readonly startTime: string
  readonly completeTime?: string
  /** The new volume: `creating` until it is in its place. */
  readonly volumeId: string
  readonly snapshotId: string
  readonly imageId?: string
  /** The snapshot that is the launch state of the new volume. */
  readonly launchSnapshotId: string
  readonly deletesReplaced: boolean
  /** The volume that was let go, from the moment that the new one has its place. */
  readonly replacedVolumeId?: string
}

/** The task of an instance that is not over; undefined when there is none. */
export function findTaskUnderWay(store: Store, instanceId: string): RootVolumeTaskRecord | undefined {
  return store.rootVolumeTasks
    .listBy('instanceId', instanceId)
    .find(({ state }) => state === 'pending' || state === 'in-progress')
}

/** An instance's tasks that have put a new root volume in place, the oldest first. */
export function listReplacements(store: Store, instanceId: string): RootVolumeTaskRecord[] {
  return store.rootVolumeTasks
    .listBy('instanceId', instanceId)
    .filter(({ replacedVolumeId }) => replacedVolumeId !== undefined)
}

/** The volume at an instance's root device; undefined when that was detached. */
export function findRootVolume(
  store: Store,
  { id, rootDeviceName }: InstanceRecord,
): (VolumeRecord & { readonly attachment: VolumeAttachment }) | undefined {
  for (const volume of store.volumes.listBy('attachment.instanceId', id)) {
    const { attachment } = volume
    if (attachment?.deviceName === rootDeviceName) return { ...volume, attachment }
  }
  return undefined
}
