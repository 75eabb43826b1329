import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import { parse } from 'yaml'
import { z } from 'zod'
import { diskFile, imageFile, type StatePaths } from '../../host/state-paths.ts'
import type { ImageRecord } from '../image/image.ts'
import type { LayerRecord } from '../layer/layer.ts'
import type { Store, Tag } from '../ports/store.ts'
import type { RecycledRecord } from '../recycle-bin/recycled.ts'
import type { SnapshotRecord } from '../snapshot/snapshot.ts'
import { layerPathOf, overlayNameOf, overlayOver, overlayPathOf, type VolumeRecord } from '../volume/volume.ts'

/** What was found again, in numbers. */
export interface RecoveredCounts {
  readonly images: number
  readonly snapshots: number
  readonly volumes: number
}

const identified = z.looseObject({ id: z.string(), accountId: z.string(), region: z.string() })
const tags = z.array(z.object({ key: z.string(), value: z.string() })).default([])
const layerFile = z.object({
  layer: identified,
  snapshots: z.array(identified).default([]),
  tags: z.record(z.string(), tags).default({}),
  recycled: z.array(identified).default([]),
})
/** An image, or one in the Recycle Bin. */
const imageDescription = z.union([z.object({ image: identified, tags }), z.object({ recycled: identified })])
const volumeFile = z.object({ volume: identified, tags })

/**
 * Fills an empty database from what layers, images and volumes say of themselves (description-writer.ts): for a state directory whose
 * database was lost. Instances, keys and security groups are gone, so volumes come back detached. A description that cannot be read is
 * passed over and logged, and so is a layer without its file or without what it stands on: it was being deleted. Such a volume is in
 * `error`. No file is ever deleted. Answers undefined when the database is not empty or there is nothing to be found.
 */
export async function recoverRecords(dependencies: {
  store: Store
  paths: StatePaths
  log: Logger
}): Promise<RecoveredCounts | undefined> {
  const { store, paths, log } = dependencies
  if (store.layers.listAll().length + store.images.listAll().length + store.volumes.listAll().length > 0)
    return undefined
  const layers = await keepWhole(paths, await readAll(paths.layers, diskFile.layerDescription, layerFile, log), log)
  const images = await readAll(paths.images, imageFile.description, imageDescription, log)
  const volumes = await readAll(paths.volumes, diskFile.volumeDescription, volumeFile, log)
  if (layers.length + images.length + volumes.length === 0) return undefined
  const snapshots = layers.flatMap((entry) => entry.snapshots)
  const layerRecords = layers.map(({ layer }) => layer as unknown as LayerRecord)
  const present = await Promise.all(
    volumes.map(({ volume }) => restoreVolume(paths, volume as unknown as VolumeRecord, layerRecords)),
  )
  store.transaction(() => {
    for (const layer of layerRecords) store.layers.insert(layer)
    for (const { snapshots: own, tags: snapshotTags, recycled } of layers) {
      for (const snapshot of own) {
        store.snapshots.insert(snapshot as unknown as SnapshotRecord)
        putTags(store, snapshot, 'snapshot', snapshotTags[snapshot.id] ?? [])
      }
      for (const snapshot of recycled) {
        store.recycledSnapshots.insert(snapshot as unknown as RecycledRecord<SnapshotRecord>)
      }
    }
    for (const described of images) {
      if ('recycled' in described) {
        store.recycledImages.insert(described.recycled as unknown as RecycledRecord<ImageRecord>)
        continue
      }
      store.images.insert(described.image as unknown as ImageRecord)
      putTags(store, described.image, 'image', described.tags)
    }
    for (const volume of present) store.volumes.insert(volume)
    for (const { volume, tags: volumeTags } of volumes) putTags(store, volume, 'volume', volumeTags)
  })
  return { images: images.length, snapshots: snapshots.length, volumes: volumes.length }
}

type LayerFile = z.infer<typeof layerFile>

/** The layers whose chains are there, each after what it stands on. */
async function keepWhole(paths: StatePaths, found: readonly LayerFile[], log: Logger): Promise<LayerFile[]> {
  const whole = new Map<string, LayerFile>()
  let waiting = [...found]
  for (;;) {
    const isDue = ({ layer }: LayerFile) => {
      const { parentId, flattening } = layer as Partial<LayerRecord>
      // It may stand on either by now; layer-flattener.ts finds out.
      return parentId === undefined || whole.has(parentId) || (flattening !== undefined && whole.has(flattening.baseId))
    }
    const due = waiting.filter(isDue)
    if (due.length === 0) break
    waiting = waiting.filter((entry) => !isDue(entry))
    for (const entry of due) {
      const { id } = entry.layer
      if (await fsExtra.pathExists(layerPathOf(paths, id))) whole.set(id, entry)
      else log.warn({ layerId: id }, 'layer has no file')
    }
  }
  for (const { layer } of waiting) log.warn({ layerId: layer.id }, 'layer stands on one that is not there')
  return [...whole.values()]
}

/**
 * The volume as its machine left it. What has become a layer is written to no more, whatever the volume says of itself: the layer, which
 * says whose overlay it was, is described before the volume goes on in the next one.
 */
async function restoreVolume(
  paths: StatePaths,
  described: VolumeRecord,
  layers: readonly LayerRecord[],
): Promise<VolumeRecord> {
  const { attachment: _attachment, ...detached } = described
  let volume: VolumeRecord = detached
  for (const layer of layers) {
    const { source } = layer
    if (source?.volumeId !== volume.id || source.overlay !== overlayNameOf(volume)) continue
    volume = { ...volume, layerId: layer.id, overlay: overlayOver(layer.id) }
  }
  const hasLayer = volume.layerId === undefined || layers.some(({ id }) => id === volume.layerId)
  const isWhole = hasLayer && (await fsExtra.pathExists(overlayPathOf(paths, volume)))
  return { ...volume, state: isWhole ? 'available' : 'error' }
}

function putTags(store: Store, owner: z.infer<typeof identified>, resourceType: string, given: readonly Tag[]): void {
  store.tags.put({ accountId: owner.accountId, region: owner.region }, owner.id, resourceType, given)
}

async function readAll<Schema extends z.ZodType>(
  directory: string,
  file: string,
  schema: Schema,
  log: Logger,
): Promise<z.infer<Schema>[]> {
  const found: z.infer<Schema>[] = []
  for (const name of (await readdir(directory)).sort()) {
    const path = join(directory, name, file)
    try {
      found.push(schema.parse(parse(await readFile(path, 'utf8'))))
    } catch (error) {
      log.warn({ path, err: error }, 'description could not be read')
    }
  }
  return found
}
