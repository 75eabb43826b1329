import { join } from 'node:path'
import { diskFile, type StatePaths } from '../../host/state-paths.ts'
import { keysOfChain } from '../encryption/encryption.ts'
import { Ec2Error } from '../errors.ts'
import type { ImageBlockDevice } from '../image/image.ts'
import type { Store } from '../ports/store.ts'
import type { SnapshotRecord } from '../snapshot/snapshot.ts'

/** A disk of an image and the file that it is. */
export interface ImageDisk {
  readonly device: ImageBlockDevice
  readonly snapshot: SnapshotRecord
  readonly path: string
  /** Of all that the file is made of. */
  readonly chainKeyIds: readonly string[]
}

/** The disks of an image that is to be written somewhere else. Throws what `requireSnapshot` does, and when the image or one of its snapshots has gone meanwhile. */
export function requireImageDisks(
  { store, paths }: { store: Store; paths: StatePaths },
  imageId: string,
  requireSnapshot: (snapshot: SnapshotRecord) => unknown,
): readonly [ImageDisk, ...ImageDisk[]] {
  const image = store.images.find(imageId)
  const disks = (image?.blockDevices ?? []).map((device): ImageDisk => {
    const snapshot = store.snapshots.find(device.snapshotId)
    if (!snapshot) throw gone(imageId)
    requireSnapshot(snapshot)
    const chainKeyIds = keysOfChain(store, snapshot.layerId)
    return { device, snapshot, chainKeyIds, path: join(paths.layers, snapshot.layerId, diskFile.disk) }
  })
  const [root, ...others] = disks
  if (!root) throw gone(imageId)
  return [root, ...others]
}

function gone(imageId: string): Ec2Error {
  return new Ec2Error('InvalidAMIID.Unavailable', `The image id '[${imageId}]' is no longer available`)
}
