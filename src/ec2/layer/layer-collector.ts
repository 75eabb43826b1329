import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import { coalesceByKey } from '../../host/coalesce.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { Store } from '../ports/store.ts'

/** Deletes layers that nothing reaches any more: no snapshot names them, no volume and no layer stands on them. */
export interface LayerCollector {
  collect(): Promise<void>
}

export function createLayerCollector(dependencies: { store: Store; paths: StatePaths; log: Logger }): LayerCollector {
  const { store, paths, log } = dependencies

  /** The record says `deleting` before the file goes, so that a crash in between is taken up again. */
  function markUnreachable(): string[] {
    return store.transaction(() => {
      const available = store.layers.listBy('state', 'available')
      const frozen = store.layers.listBy('state', 'frozen')
      const parents = new Set([...available, ...frozen].map(({ parentId }) => parentId))
      for (const layer of available) {
        const isReached =
          parents.has(layer.id) ||
          store.snapshots.listBy('layerId', layer.id).length > 0 ||
          store.volumes.listBy('layerId', layer.id).length > 0
        if (!isReached) store.layers.replace({ ...layer, state: 'deleting' })
      }
      return store.layers.listBy('state', 'deleting').map(({ id }) => id)
    })
  }

  const run = coalesceByKey(async () => {
    try {
      for (const id of markUnreachable()) {
        await fsExtra.remove(join(paths.layers, id))
        store.transaction(() => store.layers.remove(id))
      }
    } catch (error) {
      log.error({ err: error }, 'layers could not be collected')
    }
  })
  return { collect: () => run('layers') }
}
