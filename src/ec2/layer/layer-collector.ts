import { join } from 'node:path'
import { removeDirectory } from '../../host/files.ts'
import type { Logger } from 'pino'
import { coalesceByKey } from '../../host/coalesce.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import { releaseKey } from '../encryption/encryption.ts'
import type { Store } from '../ports/store.ts'
import type { LayerRecord } from './layer.ts'

/**
 * Deletes layers that nothing reaches any more: no snapshot, in the Recycle Bin or out of it, and no warm template names them, no volume and no layer stands on
 * them, and none is being flattened.
 */
export interface LayerCollector {
  collect(): Promise<void>
}

export function createLayerCollector(dependencies: { store: Store; paths: StatePaths; log: Logger }): LayerCollector {
  const { store, paths, log } = dependencies

  /** Layers that a snapshot or a volume names, or that are being flattened, made or copied, with all that they stand on. */
  function findReached(layers: readonly LayerRecord[]): Set<string> {
    const reached = new Set<string>()
    const copied = new Set(store.layers.listBy('state', 'pending').map(({ copyOf }) => copyOf))
    const reach = (id: string | undefined): void => {
      const layer = id === undefined || reached.has(id) ? undefined : store.layers.find(id)
      if (!layer) return
      reached.add(layer.id)
      reach(layer.parentId)
      // Its file may have been opened a moment before it was replaced.
      reach(layer.flattening?.formerParentId)
    }
    for (const { id, state, flattening } of layers) {
      const isNamed =
        copied.has(id) ||
        store.snapshots.countBy('layerId', id) > 0 ||
        store.snapshots.countBy('archiveLayerId', id) > 0 ||
        store.recycledSnapshots.countBy('resource.layerId', id) > 0 ||
        store.recycledSnapshots.countBy('resource.archiveLayerId', id) > 0 ||
        store.volumes.countBy('layerId', id) > 0 ||
        store.warmTemplates.countBy('warm.layerId', id) > 0
      // A layer that is on its way from a registry has nothing that names it yet, and stands on what is here already.
      if (isNamed || flattening || state === 'pending') reach(id)
    }
    return reached
  }

  /** The record says `deleting` before the file goes, so that a crash in between is taken up again. */
  function markUnreachable(): string[] {
    return store.transaction(() => {
      const available = store.layers.listBy('state', 'available')
      const others = (['frozen', 'pending'] as const).flatMap((state) => store.layers.listBy('state', state))
      const reached = findReached([...available, ...others])
      for (const layer of available) {
        if (!reached.has(layer.id)) store.layers.replace({ ...layer, state: 'deleting' })
      }
      return store.layers.listBy('state', 'deleting').map(({ id }) => id)
    })
  }

  const run = coalesceByKey(async () => {
    for (const id of markUnreachable()) {
      try {
        await removeDirectory(join(paths.layers, id))
        const layer = store.layers.find(id)
        if (layer) await releaseKey({ store, paths }, layer)
        store.transaction(() => store.layers.remove(id))
      } catch (error) {
        log.error({ layerId: id, err: error }, 'a layer could not be collected, which is tried again with the next one')
      }
    }
  })
  return { collect: () => run('layers') }
}
