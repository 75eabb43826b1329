import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { StatePaths } from '../../host/state-paths.ts'
import type { LayerCollector } from '../layer/layer-collector.ts'
import type { Store } from '../ports/store.ts'
import type { Freezer } from '../snapshot/freezer.ts'

/** Deletes volumes for good, and the layers that stood under them alone. */
export interface VolumeEraser {
  /** The record must say `deleting`; it goes after the file, so that an interrupted deletion is taken up again. */
  erase(volumeId: string): Promise<void>
  /** Finishes what a crash interrupted. */
  eraseInterrupted(): Promise<void>
}

export function createVolumeEraser(dependencies: {
  store: Store
  paths: StatePaths
  layers: LayerCollector
  freezer: Freezer
}): VolumeEraser {
  const { store, paths, layers, freezer } = dependencies

  async function erase(volumeId: string): Promise<void> {
    // A snapshot that was asked for before is made of what is about to go.
    await freezer.freezeIdle(volumeId)
    await fsExtra.remove(join(paths.volumes, volumeId))
    store.transaction(() => {
      store.volumes.remove(volumeId)
      store.tags.removeAll(volumeId)
    })
    // Its image may be gone already: then the volume was the last that needed the layer. Nobody has to wait for that.
    void layers.collect()
  }

  return {
    erase,
    eraseInterrupted: async () => {
      for (const volume of store.volumes.listBy('state', 'deleting')) await erase(volume.id)
    },
  }
}
