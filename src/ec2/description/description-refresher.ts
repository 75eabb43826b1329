import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { coalesceByKey } from '../../host/coalesce.ts'
import { removeDirectory, removeHalfWritten } from '../../host/files.ts'
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
  /** Does what an earlier daemon was killed before, for all that there is, little by little. */
  catchUp(): Promise<void>
}

/** Catching up rests so many times as long as it works: nobody waits for it, but callers would wait behind it. */
const restsPerWork = 20

export function createDescriptionRefresher(dependencies: {
  store: Store
  clock: Clock
  paths: StatePaths
  descriptions: DescriptionWriter
  log: Logger
}): DescriptionRefresher {
  const { store, clock, paths, descriptions, log } = dependencies
  const refreshImage = coalesceByKey(async (id) => {
    if (store.images.find(id) ?? store.recycledImages.find(id)) return await descriptions.describeImage(id)
    try {
      await removeDirectory(join(paths.images, id))
    } catch (error) {
      log.warn({ imageId: id, err: error }, 'description could not be removed')
    }
  })

  return {
    refreshImage: (id) => void refreshImage(id),
    refreshLayer: (id) => void descriptions.describeLayer(id),
    catchUp: async () => {
      for (const id of store.deregisteredImages.listIds()) await refreshImage(id)
      await catchUpIn(paths.images, store.images.listIds(), refreshImage)
      await catchUpIn(paths.layers, store.layers.listIds(), (id) => descriptions.describeLayer(id))
      await catchUpIn(paths.volumes, store.volumes.listIds(), (id) => descriptions.describeVolume(id))
    },
  }

  async function catchUpIn(
    parent: string,
    ids: readonly string[],
    describe: (id: string) => Promise<void>,
  ): Promise<void> {
    for (const id of ids) {
      const beganMs = clock.monotonicMs()
      // The directory may not be there: then it is being made, or it is deleted.
      await removeHalfWritten(join(parent, id)).catch(() => undefined)
      await describe(id)
      await clock.sleep(restsPerWork * (clock.monotonicMs() - beganMs))
    }
  }
}
