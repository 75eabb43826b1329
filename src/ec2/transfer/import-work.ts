import type { Random } from '../../host/random.ts'
import type { Clock } from '../../host/clock.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import { newEncryption } from '../encryption/choose-encryption.ts'
import type { EventBus } from '../event/event-bus.ts'
import { newId } from '../ids.ts'
import { requireFreeImageName } from '../image/image-name.ts'
import type { ImageBlockDevice, ImageRecord } from '../image/image.ts'
import { requireQuotasOfDiskImage } from '../image/new-image.ts'
import type { LayerMaker, MadeLayer } from '../layer/layer-maker.ts'
import type { Scope, Store } from '../ports/store.ts'
import { type Quotas, requireQuota } from '../quota.ts'
import type { SourceFetcher } from './source-fetcher.ts'
import type {
  ImportedDisk,
  ImportImageRecord,
  ImportSnapshotRecord,
  TransferJob,
  TransferRecord,
  TransferWork,
} from './transfer.ts'

export interface ImportDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly layerMaker: LayerMaker
  readonly fetcher: SourceFetcher
  readonly descriptions: DescriptionWriter
  readonly events: EventBus
  readonly quotas: Quotas
}

/** What EC2 calls the volume of a snapshot that was made of none. */
const noVolumeId = 'vol-ffffffff'

/** ImportImage's work: a layer and a snapshot for each disk that comes in, and an image that maps them. */
export function createImageImport(dependencies: ImportDependencies): TransferWork<ImportImageRecord> {
  const { store, clock, random, layerMaker, descriptions, events, quotas } = dependencies
  return {
    run: async (transfer, job) => {
      const layers = await bringDisks(dependencies, transfer, transfer.disks, job)
      let imageId = ''
      return {
        commit: () => {
          requireFreeImageName(store, transfer, transfer.id)
          requireQuotasOfDiskImage({ store, quotas }, transfer, layers.filter((layer) => layer !== undefined).length)
          const disks = transfer.disks.map((disk, index) => keepDisk(dependencies, transfer, disk, layers[index]))
          const image = recordImage(transfer, disks)
          imageId = image.id
          return { imageId, disks }
        },
        discard: () => discardAll(layerMaker, layers),
        settle: async () => {
          for (const layer of layers) if (layer) await descriptions.describeLayer(layer.record.id)
          await descriptions.describeImage(imageId)
          events.publish({
            kind: 'image-state-change',
            resourceId: imageId,
            message: `${imageId} (${transfer.id}) is available`,
          })
        },
      }
    },
  }

  /** EC2 names it like its task. */
  function recordImage(transfer: ImportImageRecord, disks: ImportImageRecord['disks']): ImageRecord {
    const { accountId, region, id: name, architecture, bootMode, description } = transfer
    const image: ImageRecord = {
      accountId,
      region,
      id: newId('ami', random),
      name,
      description: description ?? `Imported by ${name}`,
      architecture,
      state: 'available',
      creationDate: clock.now().toISOString(),
      imageLocation: `${accountId}/${name}`,
      rootDeviceName: disks[0]?.deviceName ?? '',
      blockDevices: disks.map(({ deviceName, snapshotId = '' }): ImageBlockDevice => {
        const volumeSizeGib = store.snapshots.find(snapshotId)?.volumeSizeGib ?? 1
        return { deviceName, snapshotId, volumeSizeGib, volumeType: 'gp3', deleteOnTermination: true }
      }),
      bootMode,
      enaSupport: true,
    }
    store.images.insert(image)
    return image
  }
}

/** ImportSnapshot's work. */
export function createSnapshotImport(dependencies: ImportDependencies): TransferWork<ImportSnapshotRecord> {
  const { store, layerMaker, descriptions, quotas } = dependencies
  return {
    run: async (transfer, job) => {
      const layers = await bringDisks(dependencies, transfer, [transfer.disk], job)
      return {
        commit: () => {
          requireQuota(quotas, 'snapshots', { present: store.snapshots.count(transfer), code: 'SnapshotLimitExceeded' })
          return { disk: keepDisk(dependencies, transfer, transfer.disk, layers[0]) }
        },
        discard: () => discardAll(layerMaker, layers),
        settle: async () => {
          for (const layer of layers) if (layer) await descriptions.describeLayer(layer.record.id)
        },
      }
    },
  }
}

/** A layer for each disk, but for those that are snapshots already. */
async function bringDisks(
  { random, layerMaker, fetcher }: ImportDependencies,
  scope: Scope & { readonly kmsKeyId?: string },
  disks: readonly ImportedDisk[],
  job: TransferJob,
): Promise<(MadeLayer | undefined)[]> {
  const layers: (MadeLayer | undefined)[] = []
  try {
    for (const [index, { source, format }] of disks.entries()) {
      if (source.kind === 'snapshot') {
        layers.push(undefined)
        continue
      }
      const encryption = newEncryption({ random }, scope.kmsKeyId)
      const [from, to] = [(100 * index) / disks.length, (100 * (index + 1)) / disks.length]
      const middle = (from + to) / 2
      layers.push(
        await fetcher.use(source, job.directory, job.phase(from, middle), (path) =>
          layerMaker.make(scope, path, job.phase(middle, to), { claim: format, encryption }),
        ),
      )
    }
    return layers
  } catch (error) {
    await discardAll(layerMaker, layers)
    throw error
  }
}

async function discardAll(layerMaker: LayerMaker, layers: readonly (MadeLayer | undefined)[]): Promise<void> {
  for (const layer of layers) if (layer) await layerMaker.discard(layer.record.id)
}

/** Records the layer and the snapshot of a disk that came in; inside the transaction of its import. */
function keepDisk<Disk extends ImportedDisk>(
  { store, clock, random, layerMaker }: ImportDependencies,
  { id, accountId, region }: TransferRecord,
  disk: Disk,
  layer: MadeLayer | undefined,
): Disk {
  if (!layer) return disk.source.kind === 'snapshot' ? { ...disk, snapshotId: disk.source.snapshotId } : disk
  layerMaker.keep(layer)
  const snapshotId = newId('snap', random)
  store.snapshots.insert({
    accountId,
    region,
    id: snapshotId,
    layerId: layer.record.id,
    state: 'completed',
    description: disk.description ?? `Created by ${id}`,
    volumeId: noVolumeId,
    volumeSizeGib: layer.sizeGib,
    ...layer.encryption,
    startTime: clock.now().toISOString(),
  })
  return { ...disk, snapshotId, sizeBytes: layer.file.virtualSizeBytes }
}
