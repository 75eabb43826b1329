import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { DescriptionRefresher } from '../description/description-refresher.ts'
import type { LayerCollector } from '../layer/layer-collector.ts'
import type { Store } from '../ports/store.ts'

/** Deletes for good what has been in the Recycle Bin for as long as its rule said. */
export interface BinEmptier {
  start(): void
  stop(): void
}

const intervalMs = 60_000

export function createBinEmptier(dependencies: {
  store: Store
  clock: Clock
  layers: LayerCollector
  descriptions: DescriptionRefresher
  log: Logger
}): BinEmptier {
  const { store, clock, layers, descriptions, log } = dependencies
  let timer: NodeJS.Timeout | undefined

  function empty(): void {
    try {
      const now = clock.now().toISOString()
      const images = store.recycledImages.listAll().filter(({ exitAt }) => exitAt <= now)
      const snapshots = store.recycledSnapshots.listAll().filter(({ exitAt }) => exitAt <= now)
      if (images.length + snapshots.length === 0) return
      store.transaction(() => {
        for (const { id } of images) store.recycledImages.remove(id)
        for (const { id } of snapshots) store.recycledSnapshots.remove(id)
      })
      for (const { id } of images) descriptions.refreshImage(id)
      void letGo(snapshots.map(({ resource }) => resource.layerId))
      log.info({ images: images.length, snapshots: snapshots.length }, 'the Recycle Bin was emptied of what was due')
    } catch (error) {
      log.error({ err: error }, 'the Recycle Bin could not be emptied')
    }
  }

  /** Layers that something else stands on stay, and must not tell of the snapshots any more. */
  async function letGo(layerIds: readonly string[]): Promise<void> {
    await layers.collect()
    for (const id of layerIds) descriptions.refreshLayer(id)
  }

  return {
    start: () => {
      empty()
      timer = setInterval(empty, intervalMs)
      timer.unref()
    },
    stop: () => clearInterval(timer),
  }
}
