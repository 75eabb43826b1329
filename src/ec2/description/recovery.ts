import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { parse } from 'yaml'
import { z } from 'zod'
import { diskFile, imageFile, type StatePaths } from '../../host/state-paths.ts'
import type { ImageRecord } from '../image/image.ts'
import type { LayerRecord } from '../layer/layer.ts'
import type { Store, Tag } from '../ports/store.ts'
import type { SnapshotRecord } from '../snapshot/snapshot.ts'
import type { VolumeRecord } from '../volume/volume.ts'

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
})
const imageDescription = z.object({ image: identified, tags })
const volumeFile = z.object({ volume: identified, tags })

/**
 * Fills an empty database from what layers, images and volumes say of themselves (description-writer.ts): for a state directory whose
 * database was lost. Instances, keys and security groups are gone, so volumes come back detached. A description that cannot be read is
 * passed over and logged; no file is ever deleted. Answers undefined when the database is not empty or there is nothing to be found.
 */
export async function recoverRecords(dependencies: {
  store: Store
  paths: StatePaths
  log: Logger
}): Promise<RecoveredCounts | undefined> {
  const { store, paths, log } = dependencies
  if (store.layers.listAll().length + store.images.listAll().length + store.volumes.listAll().length > 0)
    return undefined
  const layers = await readAll(paths.layers, diskFile.layerDescription, layerFile, log)
  const images = await readAll(paths.images, imageFile.description, imageDescription, log)
  const volumes = await readAll(paths.volumes, diskFile.volumeDescription, volumeFile, log)
  if (layers.length + images.length + volumes.length === 0) return undefined
  const snapshots = layers.flatMap((entry) => entry.snapshots)
  store.transaction(() => {
    for (const { layer } of layers) store.layers.insert(layer as unknown as LayerRecord)
    for (const { snapshots: own, tags: snapshotTags } of layers) {
      for (const snapshot of own) {
        store.snapshots.insert(snapshot as unknown as SnapshotRecord)
        putTags(store, snapshot, 'snapshot', snapshotTags[snapshot.id] ?? [])
      }
    }
    for (const { image, tags: imageTags } of images) {
      store.images.insert(image as unknown as ImageRecord)
      putTags(store, image, 'image', imageTags)
    }
    for (const { volume, tags: volumeTags } of volumes) {
      const { attachment: _attachment, ...detached } = volume as unknown as VolumeRecord
      store.volumes.insert({ ...detached, state: 'available' })
      putTags(store, volume, 'volume', volumeTags)
    }
  })
  return { images: images.length, snapshots: snapshots.length, volumes: volumes.length }
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
