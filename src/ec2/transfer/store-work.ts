import { join } from 'node:path'
import type { StatePaths } from '../../host/state-paths.ts'
import { Ec2Error } from '../errors.ts'
import { bootSettingsOf } from '../image/boot-settings.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { ImageArchive } from '../ports/image-archive.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { Store } from '../ports/store.ts'
import { requireStorableSnapshot } from './exportable.ts'
import { requireImageDisks } from './image-disks.ts'
import { readOwnTags, type StoredDisk, type StoredImage } from './stored-image.ts'
import type { StoreImageRecord, TransferJob, TransferWork } from './transfer.ts'

export interface StoreDependencies {
  readonly store: Store
  readonly paths: StatePaths
  readonly disks: DiskHost
  readonly objects: ObjectStore
  readonly archive: ImageArchive
}

/** CreateStoreImageTask's work: each disk is written flat and compressed, then all of them go into the bucket behind their manifest. */
export function createImageStoring(dependencies: StoreDependencies): TransferWork<StoreImageRecord> {
  const { store, objects, archive } = dependencies
  return {
    run: async (transfer, job) => {
      const packed = await packDisks(dependencies, transfer, job)
      const image = store.images.find(transfer.imageId)
      if (!image)
        throw new Ec2Error('InvalidAMIID.Unavailable', `The image id '[${transfer.imageId}]' is no longer available`)
      const { id, name, description, architecture, rootDeviceName, enaSupport, imdsSupport, loginUser } = image
      const manifest: StoredImage = {
        format: 'kiln-image',
        version: 1,
        image: {
          ...{ id, name, architecture, rootDeviceName, enaSupport },
          ...bootSettingsOf(image),
          ...(description ? { description } : {}),
          ...(imdsSupport ? { imdsSupport } : {}),
          ...(loginUser ? { loginUser } : {}),
          tags: readOwnTags(store.tags.of(id)),
        },
        disks: packed.map(({ disk }) => disk),
      }
      const files = packed.map(({ path, disk: { file, sizeBytes } }) => ({ path, file, sizeBytes }))
      const tags = Object.fromEntries(transfer.objectTags.map(({ key, value }) => [key, value]))
      await objects.put(transfer, { ...archive.pack(manifest, files), tags }, job.phase(70, 100))
      return { commit: () => ({}), discard: () => objects.remove(transfer) }
    },
    removeInterrupted: (transfer) => objects.removeInterruptedPut(transfer),
  }
}

async function packDisks(
  { store, paths, disks }: StoreDependencies,
  transfer: StoreImageRecord,
  job: TransferJob,
): Promise<{ path: string; disk: StoredDisk }[]> {
  const found = requireImageDisks({ store, paths }, transfer.imageId, requireStorableSnapshot)
  const packed: { path: string; disk: StoredDisk }[] = []
  for (const [index, { device, snapshot, chainKeyIds, path: source }] of found.entries()) {
    const file = `disk-${index + 1}.qcow2`
    const path = join(job.directory, file)
    const work = job.phase((70 * index) / found.length, (70 * (index + 1)) / found.length)
    const keyId = store.layers.find(snapshot.layerId)?.encryptionKeyId
    const target = { format: 'qcow2', destination: path, isCompressed: true } as const
    const request = { path: source, keyId, chainKeyIds, ...target }
    const { sizeBytes } = await disks.exportDisk(request, work)
    const { deviceName, volumeSizeGib, volumeType, iops, throughputMibps, deleteOnTermination } = device
    packed.push({
      path,
      disk: {
        ...{ deviceName, volumeSizeGib, volumeType, deleteOnTermination, file, sizeBytes },
        ...(iops === undefined ? {} : { iops }),
        ...(throughputMibps === undefined ? {} : { throughputMibps }),
        snapshot: { description: snapshot.description, tags: readOwnTags(store.tags.of(snapshot.id)) },
        sha256: await disks.digest(path, 'sha256', job.signal),
      },
    })
  }
  return packed
}
