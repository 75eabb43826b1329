import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { stringify } from 'yaml'
import { coalesceByKey } from '../../host/coalesce.ts'
import { ensurePrivateDirectory, writeFileAtomic } from '../../host/files.ts'
import { diskFile, imageFile, type StatePaths } from '../../host/state-paths.ts'
import type { LayerRecord } from '../layer/layer.ts'
import type { Store } from '../ports/store.ts'

/**
 * Writes the small YAML description that each layer, image and volume directory carries of itself, from the records, so that the
 * database can be rebuilt from the disk. A failure is the log's: on a full disk volumes must still be let go and deleted, and the records
 * are what counts as long as there is a database. The next change, or the next start, writes it again.
 */
export interface DescriptionWriter {
  describeLayer(layerId: string): Promise<void>
  describeImage(imageId: string): Promise<void>
  describeVolume(volumeId: string): Promise<void>
  /**
   * Describes a layer whose file is about to change, as it will be: the one that a volume's overlay is to become (from then on the disk
   * alone says that the volume goes on in another overlay, whatever the volume says of itself: recovery.ts), or one that is flattened.
   * Rejects when that cannot be written.
   */
  describeAhead(layer: LayerRecord): Promise<void>
}

export function createDescriptionWriter(dependencies: {
  store: Store
  paths: StatePaths
  log: Logger
}): DescriptionWriter {
  const { store, paths, log } = dependencies

  async function writeLayer(layer: LayerRecord): Promise<void> {
    const snapshots = store.snapshots.listBy('layerId', layer.id)
    const recycled = store.recycledSnapshots.listBy('resource.layerId', layer.id)
    const tags = Object.fromEntries(snapshots.map(({ id }) => [id, store.tags.of(id)]))
    await writeIfNew(
      join(paths.layers, layer.id, diskFile.layerDescription),
      stringify(
        { layer, snapshots, tags, ...(recycled.length > 0 ? { recycled } : {}) },
        { aliasDuplicateObjects: false },
      ),
    )
  }

  /** One after the other for each resource, so that the last to be written is what the records say last. */
  function describer(write: (id: string) => Promise<void>): (id: string) => Promise<void> {
    return coalesceByKey(async (resourceId) => {
      try {
        await write(resourceId)
      } catch (error) {
        log.warn({ resourceId, err: error }, 'description could not be written')
      }
    })
  }

  return {
    describeLayer: describer(async (layerId) => {
      const layer = store.layers.find(layerId)
      if (layer?.state === 'frozen' || layer?.state === 'available') await writeLayer(layer)
    }),
    describeImage: describer(async (imageId) => {
      const recycled = store.recycledImages.find(imageId)
      const image = store.images.find(imageId) ?? recycled?.resource
      // Whether there will ever be an image is known when its snapshots are complete.
      if (!image || image.state === 'pending') return
      const directory = join(paths.images, imageId)
      await ensurePrivateDirectory(directory)
      const content = recycled ? { recycled } : { image, tags: store.tags.of(imageId) }
      await writeIfNew(join(directory, imageFile.description), stringify(content, { aliasDuplicateObjects: false }))
    }),
    describeVolume: describer(async (volumeId) => {
      const volume = store.volumes.find(volumeId)
      // Of one that could not be made there is no directory.
      if (!volume || volume.state === 'creating' || volume.state === 'deleting' || volume.state === 'error') return
      const path = join(paths.volumes, volume.id, diskFile.volumeDescription)
      await writeIfNew(path, stringify({ volume, tags: store.tags.of(volume.id) }))
    }),
    describeAhead: writeLayer,
  }
}

async function writeIfNew(path: string, content: string): Promise<void> {
  const present = await readFile(path, 'utf8').catch(() => undefined)
  if (present !== content) await writeFileAtomic(path, content)
}
