import { join } from 'node:path'
import fsExtra from 'fs-extra'
import { ensurePrivateDirectory } from '../../host/files.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { Store } from '../ports/store.ts'
import { backingOf, keyOf, overlayPathOf, type VolumeRecord } from './volume.ts'

/** Makes the file of a volume that is `creating`: empty, or over the layer of its snapshot. As large as the volume, or else of `sizeBytes`. */
export async function makeVolumeDisk(
  { store, paths, disks }: { store: Store; paths: StatePaths; disks: DiskHost },
  volume: VolumeRecord,
  sizeBytes = volume.sizeGib * 1024 ** 3,
): Promise<void> {
  await ensurePrivateDirectory(join(paths.volumes, volume.id))
  const path = overlayPathOf(paths, volume)
  // A crash may have left the file of a try that came to nothing: it holds nothing yet.
  await fsExtra.remove(path)
  const backing = backingOf({ store, paths }, volume)
  await disks.createVolumeDisk({ path, ...backing, ...keyOf(volume), sizeBytes })
}
