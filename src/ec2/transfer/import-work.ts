import type { Random } from '../../host/random.ts'
import type { Clock } from '../../host/clock.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import { newEncryption } from '../encryption/choose-encryption.ts'
import type { EventBus } from '../event/event-bus.ts'
import { Ec2Error } from '../errors.ts'
import { newId } from '../ids.ts'
import { maximumImageDisks } from '../image/image-devices.ts'
import { requireFreeImageName } from '../image/image-name.ts'
import type { ImageBlockDevice, ImageRecord } from '../image/image.ts'
import { requireQuotasOfDiskImage } from '../image/new-image.ts'
import type { LayerMaker, MadeLayer } from '../layer/layer-maker.ts'
import type { Scope, Store } from '../ports/store.ts'
import { type Quotas, requireQuota } from '../quota.ts'
import { deviceNamesOf, disksOfSource } from './imported-disk.ts'
import type { SourceFetcher } from './source-fetcher.ts'
import type {
  ImportedDevice,
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
      const brought = await bringDisks(dependencies, transfer, transfer.disks, job)
      const layers = layersOf(brought)
      let imageId = ''
      return {
        commit: () => {
          requireFreeImageName(store, transfer, transfer.id)
          requireQuotasOfDiskImage({ store, quotas }, transfer, layers.length)
          const names = deviceNamesOf(brought.map(({ disk }) => disk))
          const disks = brought.map(({ disk, layer }, index) =>
            keepDisk(dependencies, transfer, { ...disk, deviceName: names[index] ?? '' }, layer),
          )
          const image = recordImage(transfer, disks)
          imageId = image.id
          return { imageId, disks }
        },
        discard: () => discardAll(layerMaker, layers),
        settle: async () => {
          for (const { record } of layers) await descriptions.describeLayer(record.id)
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
  function recordImage(transfer: ImportImageRecord, disks: readonly NamedDisk[]): ImageRecord {
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
      const [brought] = await bringDisks(dependencies, transfer, [transfer.disk], job, 1)
      const layers = brought ? layersOf([brought]) : []
      return {
        commit: () => {
          requireQuota(quotas, 'snapshots', { present: store.snapshots.count(transfer), code: 'SnapshotLimitExceeded' })
          return { disk: keepDisk(dependencies, transfer, transfer.disk, brought?.layer) }
        },
        discard: () => discardAll(layerMaker, layers),
        settle: async () => {
          for (const { record } of layers) await descriptions.describeLayer(record.id)
        },
      }
    },
  }
}

type NamedDisk = ImportedDisk & { readonly deviceName: string }

/** A disk that has come; without a layer it is a snapshot already. */
interface BroughtDisk {
  readonly disk: ImportedDevice
  readonly layer?: MadeLayer
}

/** A layer for each disk that a source holds, but for those that are snapshots already. */
async function bringDisks(
  { random, layerMaker, fetcher }: ImportDependencies,
  scope: Scope & { readonly kmsKeyId?: string },
  sources: readonly ImportedDevice[],
  job: TransferJob,
  maximumDisks = maximumImageDisks,
): Promise<readonly BroughtDisk[]> {
  const brought: BroughtDisk[] = []
  try {
    for (const [index, disk] of sources.entries()) {
      const { source, format: claim } = disk
      if (source.kind === 'snapshot') {
        brought.push({ disk })
        continue
      }
      const { directory } = job
      const [from, to] = [(100 * index) / sources.length, (100 * (index + 1)) / sources.length]
      const middle = (from + to) / 2
      const wish = { directory, claim, maximumDisks, encryptionOf: () => newEncryption({ random }, scope.kmsKeyId) }
      const layers = await fetcher.use(source, directory, job.phase(from, middle), (path) =>
        layerMaker.makeAll(scope, { ...wish, source: path }, job.phase(middle, to, index)),
      )
      for (const [position, of] of disksOfSource(disk, layers.length).entries()) {
        const layer = layers[position]
        brought.push(layer ? { disk: of, layer } : { disk: of })
      }
    }
    const count = brought.length
    if (count <= maximumDisks) return brought
    throw new Ec2Error(
      'InvalidDiskImage',
      `The sources hold ${count} disks: at most ${maximumDisks} are imported at once.`,
    )
  } catch (error) {
    await discardAll(layerMaker, layersOf(brought))
    throw error
  }
}

function layersOf(brought: readonly BroughtDisk[]): readonly MadeLayer[] {
  return brought.flatMap(({ layer }) => (layer ? [layer] : []))
}

async function discardAll(layerMaker: LayerMaker, layers: readonly MadeLayer[]): Promise<void> {
  for (const { record } of layers) await layerMaker.discard(record.id)
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
