import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import { coalesceByKey } from '../../host/coalesce.ts'
import { removeHalfWritten } from '../../host/files.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { Store } from '../ports/store.ts'
import type { DescriptionWriter } from './description-writer.ts'

/**
 * Brings the descriptions on disk up to what the records say, in the background: an effect of mutations, to be called after their
 * commit.
 */
export interface DescriptionRefresher {
  /** Of an image that was made, changed or deregistered. */
  refreshImage(imageId: string): void
  /** Of a layer whose snapshots were made, changed or deleted. */
  refreshLayer(layerId: string): void
  /** Does what an earlier daemon was killed before, for all that there is. */
  catchUp(): Promise<void>
}

export function createDescriptionRefresher(dependencies: {
  store: Store
  paths: StatePaths
  descriptions: DescriptionWriter
  log: Logger
}): DescriptionRefresher {
  const { store, paths, descriptions, log } = dependencies
  const refreshImage = coalesceByKey(async (id) => {
    if (store.images.find(id)) return await descriptions.describeImage(id)
    try {
      await fsExtra.remove(join(paths.images, id))
    } catch (error) {
      log.warn({ imageId: id, err: error }, 'description could not be removed')
    }
  })

  async function catchUpIn(parent: string, id: string, describe: (id: string) => Promise<void>): Promise<void> {
    // It may not be there: then it is being made, or it is deleted.
    await removeHalfWritten(join(parent, id)).catch(() => undefined)
    await describe(id)
  }

  return {
    refreshImage: (id) => void refreshImage(id),
    refreshLayer: (id) => void descriptions.describeLayer(id),
    catchUp: async () => {
      for (const { id } of store.deregisteredImages.listAll()) await refreshImage(id)
      for (const { id } of store.images.listAll()) await catchUpIn(paths.images, id, refreshImage)
      for (const layer of store.layers.listAll())
        await catchUpIn(paths.layers, layer.id, (id) => descriptions.describeLayer(id))
      for (const volume of store.volumes.listAll())
        await catchUpIn(paths.volumes, volume.id, (id) => descriptions.describeVolume(id))
    },
  }
}
