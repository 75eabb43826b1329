import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import { coalesceByKey } from '../../host/coalesce.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { Store } from '../ports/store.ts'
import type { DescriptionWriter } from './description-writer.ts'

/**
 * Brings the descriptions on disk up to what the records say, in the background: an effect of mutations, to be called after their
 * commit. A failure is the log's; the records are what counts as long as there is a database.
 */
export interface DescriptionRefresher {
  /** Of an image that was made, changed or deregistered. */
  refreshImage(imageId: string): void
  /** Of a layer whose snapshots were made, changed or deleted. */
  refreshLayer(layerId: string): void
}

export function createDescriptionRefresher(dependencies: {
  store: Store
  paths: StatePaths
  descriptions: DescriptionWriter
  log: Logger
}): DescriptionRefresher {
  const { store, paths, descriptions, log } = dependencies
  const refreshImage = coalesceByKey(async (id) => {
    try {
      if (store.images.find(id)) await descriptions.describeImage(id)
      else await fsExtra.remove(join(paths.images, id))
    } catch (error) {
      log.warn({ imageId: id, err: error }, 'description could not be written')
    }
  })
  const refreshLayer = coalesceByKey(async (id) => {
    try {
      if (store.layers.find(id)?.state === 'available') await descriptions.describeLayer(id)
    } catch (error) {
      log.warn({ layerId: id, err: error }, 'description could not be written')
    }
  })
  return {
    refreshImage: (id) => void refreshImage(id),
    refreshLayer: (id) => void refreshLayer(id),
  }
}
