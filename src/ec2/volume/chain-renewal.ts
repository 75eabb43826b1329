import type { Logger } from 'pino'
import type { StatePaths } from '../../host/state-paths.ts'
import { chainOf } from '../layer/layer-chain.ts'
import type { Machine } from '../ports/machine.ts'
import type { Store } from '../ports/store.ts'
import { backingOf, keyOf, overlayPathOf, type VolumeRecord } from './volume.ts'

/** Lets machines that run go on in the short chains that flattening has made, and let go of the long ones. */
export interface ChainRenewal {
  /** The chain under this volume is shorter now. */
  expect(volumeId: string): void
  isDue(volumeId: string): boolean
  /** For a volume that is plugged into a machine. What the machine refuses stays as it was until its next start, which is as good. */
  renew(machine: Machine, volume: VolumeRecord): Promise<void>
}

/** What an earlier daemon was killed before is due: every volume in use is looked at once. */
export function createChainRenewal({
  store,
  paths,
  log,
}: {
  store: Store
  paths: StatePaths
  log: Logger
}): ChainRenewal {
  const due = new Set(store.volumes.listBy('state', 'in-use').map(({ id }) => id))
  return {
    expect: (volumeId) => void due.add(volumeId),
    isDue: (volumeId) => due.has(volumeId),
    renew: async (machine, { id }) => {
      due.delete(id)
      const volume = store.volumes.find(id)
      if (volume?.layerId === undefined) return
      const overlayPath = overlayPathOf(paths, volume)
      const drive = (await machine.listDrives()).find(({ path }) => path === overlayPath)
      const { length } = chainOf(store, volume.layerId)
      if (drive?.chainLength === undefined || drive.chainLength <= length) return
      try {
        const { backingPath = overlayPath, ...backing } = backingOf({ store, paths }, volume)
        await machine.renewBacking({ id: drive.id, ...keyOf(volume), backingPath, ...backing })
        log.info({ volumeId: id, from: drive.chainLength, to: length }, 'machine goes on in a shorter chain')
      } catch (error) {
        log.warn({ volumeId: id, err: error }, 'machine could not go on in a shorter chain')
      }
    },
  }
}
