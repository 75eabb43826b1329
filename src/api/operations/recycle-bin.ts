import {
  listImagesInRecycleBin,
  listSnapshotsInRecycleBin,
  listVolumesInRecycleBin,
  restoreImageFromRecycleBin,
  restoreSnapshotFromRecycleBin,
  restoreVolumeFromRecycleBin,
} from '../../ec2/recycle-bin/recycle-bin.ts'
import type { AnyOperation } from '../dispatch.ts'

export function recycleBinOperations() {
  return {
    ListImagesInRecycleBin: listImagesInRecycleBin(),
    ListSnapshotsInRecycleBin: listSnapshotsInRecycleBin(),
    ListVolumesInRecycleBin: listVolumesInRecycleBin(),
    RestoreImageFromRecycleBin: restoreImageFromRecycleBin(),
    RestoreSnapshotFromRecycleBin: restoreSnapshotFromRecycleBin(),
    RestoreVolumeFromRecycleBin: restoreVolumeFromRecycleBin(),
  } satisfies Record<string, AnyOperation>
}
