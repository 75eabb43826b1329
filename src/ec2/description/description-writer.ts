import { join } from 'node:path'
import type { Logger } from 'pino'
import { stringify } from 'yaml'
import { ensurePrivateDirectory, writeFileAtomic } from '../../host/files.ts'
import { diskFile, imageFile, type StatePaths } from '../../host/state-paths.ts'
import type { LayerRecord } from '../layer/layer.ts'
import type { VolumeRecord } from '../volume/volume.ts'
import type { Store } from '../ports/store.ts'

/**
 * Writes the small YAML description that each layer, image and volume directory carries of itself, from the records, so that the
 * database can be rebuilt from the disk.
 */
export interface DescriptionWriter {
  describeLayer(layerId: string): Promise<void>
  describeImage(imageId: string): Promise<void>
  /** A failure is the log's: on a full disk volumes must still be let go and deleted. The next change writes it again. */
  describeVolume(volumeId: string): Promise<void>
  /**
   * Describes a volume and the layer that its overlay is about to become as they will be: from then on the disk alone says how the chain
   * goes on, whichever of the two a crash leaves in use.
   */
  describeFreeze(volume: VolumeRecord, layer: LayerRecord): Promise<void>
}

export function createDescriptionWriter(dependencies: {
  store: Store
  paths: StatePaths
  log: Logger
}): DescriptionWriter {
  const { store, paths, log } = dependencies

  async function writeLayer(layer: LayerRecord): Promise<void> {
    const snapshots = store.snapshots.listBy('layerId', layer.id)
    const tags = Object.fromEntries(snapshots.map(({ id }) => [id, store.tags.of(id)]))
    await writeFileAtomic(
      join(paths.layers, layer.id, diskFile.layerDescription),
      stringify({ layer, snapshots, tags }, { aliasDuplicateObjects: false }),
    )
  }

  async function writeVolume(volume: VolumeRecord): Promise<void> {
    const path = join(paths.volumes, volume.id, diskFile.volumeDescription)
    await writeFileAtomic(path, stringify({ volume, tags: store.tags.of(volume.id) }))
  }

  return {
    describeLayer: async (layerId) => {
      const layer = store.layers.find(layerId)
      if (layer) await writeLayer(layer)
    },
    describeImage: async (imageId) => {
      const image = store.images.find(imageId)
      if (!image) return
      const directory = join(paths.images, imageId)
      await ensurePrivateDirectory(directory)
      await writeFileAtomic(join(directory, imageFile.description), stringify({ image, tags: store.tags.of(imageId) }))
    },
    describeVolume: async (volumeId) => {
      const volume = store.volumes.find(volumeId)
      if (!volume || volume.state === 'creating' || volume.state === 'deleting') return
      try {
        await writeVolume(volume)
      } catch (error) {
        log.warn({ volumeId, err: error }, 'volume could not describe itself')
      }
    },
    describeFreeze: async (volume, layer) => {
      await writeLayer(layer)
      await writeVolume(volume)
    },
  }
}
