import { join } from 'node:path'
import fsExtra from 'fs-extra'
import { ensurePrivateDirectory } from '../../host/files.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { DiskHost } from '../ports/disk.ts'
import { backingOf, overlayPathOf, type VolumeRecord } from './volume.ts'

/** Makes the file of a volume that is `creating`: empty, or over the layer of its snapshot. */
export async function makeVolumeDisk(
  { paths, disks }: { paths: StatePaths; disks: DiskHost },
  volume: VolumeRecord,
): Promise<void> {
  await ensurePrivateDirectory(join(paths.volumes, volume.id))
  const path = overlayPathOf(paths, volume)
  // A crash may have left the file of a try that came to nothing: it holds nothing yet.
  await fsExtra.remove(path)
  await disks.createVolumeDisk({ path, ...backingOf(paths, volume), sizeBytes: volume.sizeGib * 1024 ** 3 })
}
