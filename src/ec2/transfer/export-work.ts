import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type { StatePaths } from '../../host/state-paths.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { Store } from '../ports/store.ts'
import { requireExportableSnapshot } from './exportable.ts'
import { exportKeyOf } from './export-image.ts'
import { requireImageDisks } from './image-disks.ts'
import type { ExportImageRecord, TransferWork } from './transfer.ts'

/** ExportImage's work: the disk is written beside the state, then put into the bucket. */
export function createImageExport(dependencies: {
  store: Store
  paths: StatePaths
  disks: DiskHost
  objects: ObjectStore
}): TransferWork<ExportImageRecord> {
  const { store, paths, disks, objects } = dependencies
  const placeOf = (transfer: ExportImageRecord) => ({ bucket: transfer.bucket, key: exportKeyOf(transfer) })
  return {
    run: async (transfer, job) => {
      const [disk] = requireImageDisks({ store, paths }, transfer.imageId, requireExportableSnapshot)
      const destination = join(job.directory, `disk.${transfer.format}`)
      const { format } = transfer
      const { path, chainKeyIds } = disk
      const request = { path, chainKeyIds, format, destination }
      const { sizeBytes } = await disks.exportDisk(request, job.phase(0, 60))
      try {
        await objects.put(placeOf(transfer), { stream: createReadStream(destination), sizeBytes }, job.phase(60, 100))
      } catch (error) {
        // A store may have got all of it before it was told to stop. The name is this export's alone.
        await objects.remove(placeOf(transfer)).catch(() => undefined)
        throw error
      }
      return { commit: () => ({}), discard: () => objects.remove(placeOf(transfer)) }
    },
    removeInterrupted: async (transfer) => {
      await objects.removeInterruptedPut(placeOf(transfer))
      await objects.remove(placeOf(transfer))
    },
  }
}
