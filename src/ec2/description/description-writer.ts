import { join } from 'node:path'
import { stringify } from 'yaml'
import { ensurePrivateDirectory, writeFileAtomic } from '../../host/files.ts'
import { diskFile, imageFile, type StatePaths } from '../../host/state-paths.ts'
import type { Store } from '../ports/store.ts'

/**
 * Writes the small YAML description that each layer, image and volume directory carries of itself, from the records, so that the
 * database can be rebuilt from the disk.
 */
export interface DescriptionWriter {
  describeLayer(layerId: string): Promise<void>
  describeImage(imageId: string): Promise<void>
  describeVolume(volumeId: string): Promise<void>
}

export function createDescriptionWriter({ store, paths }: { store: Store; paths: StatePaths }): DescriptionWriter {
  return {
    describeLayer: async (layerId) => {
      const layer = store.layers.find(layerId)
      if (!layer) return
      const snapshots = store.snapshots.listBy('layerId', layerId)
      await writeFileAtomic(join(paths.layers, layerId, diskFile.layerDescription), stringify({ layer, snapshots }))
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
      const path = join(paths.volumes, volumeId, diskFile.volumeDescription)
      await writeFileAtomic(path, stringify({ volume, tags: store.tags.of(volumeId) }))
    },
  }
}
