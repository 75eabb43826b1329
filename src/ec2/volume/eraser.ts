import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { StatePaths } from '../../host/state-paths.ts'
import type { Store } from '../ports/store.ts'

/** Deletes volumes for good. */
export interface VolumeEraser {
  /** The record must say `deleting`; it goes after the file, so that an interrupted deletion is taken up again. */
  erase(volumeId: string): Promise<void>
  /** Finishes what a crash interrupted. */
  eraseInterrupted(): Promise<void>
}

export function createVolumeEraser(dependencies: { store: Store; paths: StatePaths }): VolumeEraser {
  const { store, paths } = dependencies

  async function erase(volumeId: string): Promise<void> {
    await fsExtra.remove(join(paths.volumes, volumeId))
    store.transaction(() => {
      store.volumes.remove(volumeId)
      store.tags.removeAll(volumeId)
    })
  }

  return {
    erase,
    eraseInterrupted: async () => {
      for (const volume of store.volumes.listBy('state', 'deleting')) await erase(volume.id)
    },
  }
}
