import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Clock } from '../../host/clock.ts'
import type { Random } from '../../host/random.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import { defaultKmsKey, newEncryption } from '../encryption/choose-encryption.ts'
import { Ec2Error } from '../errors.ts'
import type { EventBus } from '../event/event-bus.ts'
import { newId } from '../ids.ts'
import type { ImageBlockDevice } from '../image/image.ts'
import type { LayerMaker, MadeLayer } from '../layer/layer-maker.ts'
import type { ImageArchive } from '../ports/image-archive.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { Store } from '../ports/store.ts'
import { type Quotas, requireQuota } from '../quota.ts'
import { putTags } from '../tag/tag.ts'
import { readOwnTags, readStoredImage, type StoredDisk } from './stored-image.ts'
import type { RestoreImageRecord, TransferJob, TransferWork } from './transfer.ts'

export interface RestoreDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly layerMaker: LayerMaker
  readonly objects: ObjectStore
  readonly archive: ImageArchive
  readonly descriptions: DescriptionWriter
  readonly events: EventBus
  readonly quotas: Quotas
  /** Larger objects are refused. */
  readonly maximumBytes: number
}

/** CreateRestoreImageTask's work: what is stored is as hostile as any disk that comes in, and goes the same way. */
export function createImageRestoring(dependencies: RestoreDependencies): TransferWork<RestoreImageRecord> {
  const { store, clock, random, layerMaker, descriptions, events, quotas } = dependencies
  return {
    run: async (transfer, job) => {
      const restored = await bringDisks(dependencies, transfer, job)
      return {
        commit: () => {
          requireQuota(quotas, 'snapshots', {
            present: store.snapshots.count(transfer),
            added: restored.length,
            code: 'SnapshotLimitExceeded',
          })
          const blockDevices = restored.map(({ disk, layer }) => keepDevice(transfer, disk, layer))
          const image = store.images.find(transfer.imageId)
          // Deregistered meanwhile.
          if (image?.state !== 'pending') throw new Ec2Error('InvalidAMIID.Unavailable', `${transfer.imageId} is gone`)
          store.images.replace({ ...image, state: 'available', blockDevices })
          return {}
        },
        discard: () => discardAll(layerMaker, restored),
        settle: async () => {
          for (const { layer } of restored) await descriptions.describeLayer(layer.record.id)
          await descriptions.describeImage(transfer.imageId)
          tell(transfer.imageId, 'is available')
        },
      }
    },
    abandon: ({ imageId }, { isCancelled, reason }) => {
      const image = store.images.find(imageId)
      if (image?.state !== 'pending') return
      if (isCancelled) {
        store.images.remove(imageId)
        store.tags.removeAll(imageId)
        return tell(imageId, 'is gone: its restoring is cancelled')
      }
      store.images.replace({
        ...image,
        state: 'failed',
        stateReason: { code: 'Client.RestoreFailed', message: reason },
      })
      tell(imageId, `could not be restored: ${reason}`)
    },
  }

  function tell(imageId: string, what: string): void {
    events.publish({ kind: 'image-state-change', resourceId: imageId, message: `${imageId} ${what}` })
  }

  function keepDevice(transfer: RestoreImageRecord, disk: StoredDisk, layer: MadeLayer): ImageBlockDevice {
    const { accountId, region, imageId, snapshotTags } = transfer
    layerMaker.keep(layer)
    const snapshotId = newId('snap', random)
    store.snapshots.insert({
      accountId,
      region,
      id: snapshotId,
      layerId: layer.record.id,
      state: 'completed',
      description: disk.snapshot.description,
      volumeId: 'vol-ffffffff',
      volumeSizeGib: layer.sizeGib,
      ...layer.encryption,
      startTime: clock.now().toISOString(),
      imageId,
    })
    putTags(store, transfer, snapshotId, 'snapshot', [...readOwnTags(disk.snapshot.tags), ...snapshotTags])
    const { deviceName, volumeSizeGib, volumeType, iops, throughputMibps, deleteOnTermination } = disk
    return {
      ...{ deviceName, snapshotId, volumeSizeGib, volumeType, deleteOnTermination },
      ...(iops === undefined ? {} : { iops }),
      ...(throughputMibps === undefined ? {} : { throughputMibps }),
    }
  }
}

interface RestoredDisk {
  readonly disk: StoredDisk
  readonly layer: MadeLayer
}

async function bringDisks(
  { store, random, layerMaker, objects, archive, maximumBytes }: RestoreDependencies,
  transfer: RestoreImageRecord,
  job: TransferJob,
): Promise<RestoredDisk[]> {
  const path = join(job.directory, 'fetched')
  await objects.fetch(transfer, { path, maximumBytes }, job.phase(0, 40))
  const { disks } = await archive.unpack(path, job.directory, readStoredImage, job.phase(40, 60))
  await fsExtra.remove(path)
  const restored: RestoredDisk[] = []
  try {
    for (const [index, disk] of disks.entries()) {
      const work = job.phase(60 + (40 * index) / disks.length, 60 + (40 * (index + 1)) / disks.length)
      const file = join(job.directory, disk.file)
      const encryption = newEncryption({ random }, defaultKmsKey(store, transfer))
      const layer = await layerMaker.make(transfer, file, work, { claim: 'qcow2', encryption })
      restored.push({ disk, layer })
      if (layer.sizeGib > disk.volumeSizeGib) {
        throw new Ec2Error(
          'InvalidStoredImage',
          `${disk.file} does not fit into the ${disk.volumeSizeGib} GiB of its device.`,
        )
      }
      await fsExtra.remove(file)
    }
    return restored
  } catch (error) {
    await discardAll(layerMaker, restored)
    throw error
  }
}

async function discardAll(layerMaker: LayerMaker, restored: readonly RestoredDisk[]): Promise<void> {
  for (const { layer } of restored) await layerMaker.discard(layer.record.id)
}
