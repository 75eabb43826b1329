import type { Store } from '../ports/store.ts'
import type { SnapshotRecord } from '../snapshot/snapshot.ts'
import type { ImageBlockDevice, ImageRecord } from './image.ts'

/** The device that servers of an image boot from; undefined when the image maps no snapshot to it. */
export function rootDeviceOf({
  blockDevices,
  rootDeviceName,
}: Pick<ImageRecord, 'blockDevices' | 'rootDeviceName'>): ImageBlockDevice | undefined {
  return blockDevices.find(({ deviceName }) => deviceName === rootDeviceName)
}

/** The snapshot of that device; undefined when it is gone. */
export function rootSnapshotOf(store: Store, image: ImageRecord): SnapshotRecord | undefined {
  const root = rootDeviceOf(image)
  return root && store.snapshots.find(root.snapshotId)
}
