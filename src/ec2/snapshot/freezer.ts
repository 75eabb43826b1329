import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { StatePaths } from '../../host/state-paths.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import type { DiskHost } from '../ports/disk.ts'
import { DriveNotFrozen, type Machine } from '../ports/machine.ts'
import type { Store } from '../ports/store.ts'
import { driveIdOf, overlayNameOf, overlayOver, overlayPathOf, type VolumeRecord } from '../volume/volume.ts'
import { type FreezeIntent, listFreezeIntents } from './freeze-intent.ts'
import type { LayerSealer } from './layer-sealer.ts'

/**
 * Makes layers of volumes' overlays, in constant time: the present overlay becomes the layer, the volume goes on in a new one over it.
 *
 * The intent is a `pending` layer with a source. Before anything is switched the file has a second name in the layer's directory, the new
 * overlay is on disk, and both describe themselves as they will be. So a crash loses nothing wherever it comes: a machine that lives says
 * itself which file it writes to; without a machine the new overlay is right in any case, for it is empty or holds what was written since.
 */
export interface Freezer {
  /** Does what waits for a volume by its files. No machine may have it. */
  freezeIdle(volumeId: string): Promise<void>
  /** Does what waits for the volumes that are plugged into a machine, each set at one instant. Rejects when the machine does not answer. */
  freezePlugged(machine: Machine, volumes: readonly VolumeRecord[]): Promise<void>
  /** Resolves when none of the layers waits for its freeze any more, or when `timeoutMs` have passed. */
  waitUntilFrozen(layerIds: readonly string[], timeoutMs: number): Promise<void>
}

/** An intent with its volume as it is now. */
interface DueFreeze extends FreezeIntent {
  readonly volume: VolumeRecord
}

export function createFreezer(dependencies: {
  store: Store
  paths: StatePaths
  disks: DiskHost
  descriptions: DescriptionWriter
  sealer: LayerSealer
  log: Logger
}): Freezer {
  const { store, paths, disks, descriptions, sealer, log } = dependencies
  const waiters = new Set<() => void>()

  function findDue(isWanted: (volumeId: string) => boolean): DueFreeze[] {
    return listFreezeIntents(store).flatMap((intent) => {
      const volume = isWanted(intent.volumeId) ? store.volumes.find(intent.volumeId) : undefined
      return volume ? [{ ...intent, volume }] : []
    })
  }

  const overlayOf = ({ volume, layer }: DueFreeze) => join(paths.volumes, volume.id, overlayOver(layer.id))

  async function prepare(freeze: DueFreeze, { keepsOverlay }: { keepsOverlay: boolean }): Promise<void> {
    const { volume, layer } = freeze
    const virtualSizeBytes = await disks.prepareFreeze({
      volumePath: overlayPathOf(paths, volume),
      layerDirectory: join(paths.layers, layer.id),
      overlayPath: overlayOf(freeze),
      keepsOverlay,
    })
    const { frozen, resumed } = afterFreeze(freeze)
    await descriptions.describeFreeze(resumed, { ...frozen, virtualSizeBytes })
  }

  function record(freezes: readonly DueFreeze[]): void {
    store.transaction(() => {
      for (const freeze of freezes) {
        const present = { ...freeze, volume: store.volumes.find(freeze.volume.id) ?? freeze.volume }
        const { frozen, resumed } = afterFreeze(present)
        store.layers.replace(frozen)
        store.volumes.replace(resumed)
      }
    })
    settled(freezes)
    for (const { layer } of freezes) sealer.seal(layer.id)
  }

  /** Nothing was switched: the snapshots have failed, the volumes are as they were. */
  async function takeBack(freezes: readonly DueFreeze[], error: unknown): Promise<void> {
    const why = error instanceof Error ? error.message : String(error)
    log.error({ volumeIds: freezes.map(({ volume }) => volume.id), err: error }, 'volumes could not be frozen')
    for (const { layer } of freezes) sealer.abandon(layer.id, why)
    for (const freeze of freezes) {
      await fsExtra.remove(join(paths.layers, freeze.layer.id))
      await fsExtra.remove(overlayOf(freeze))
      await descriptions.describeVolume(freeze.volume.id)
    }
    settled(freezes)
  }

  function settled(freezes: readonly DueFreeze[]): void {
    if (freezes.length > 0) for (const waiter of [...waiters]) waiter()
  }

  async function freezeIdle(volumeId: string): Promise<void> {
    for (;;) {
      // One after the other: the second stands on what the first has made.
      const [freeze] = findDue((id) => id === volumeId)
      if (!freeze) return
      try {
        await prepare(freeze, { keepsOverlay: true })
      } catch (error) {
        await takeBack([freeze], error)
        continue
      }
      record([freeze])
    }
  }

  async function freezeSet(machine: Machine, setId: string, ports: ReadonlyMap<string, number>): Promise<void> {
    const freezes = findDue((volumeId) => ports.has(volumeId)).filter((freeze) => freeze.setId === setId)
    const drives = await machine.listDrives()
    const driveOf = ({ volume }: DueFreeze) => driveIdOf(ports.get(volume.id) ?? -1)
    try {
      for (const freeze of freezes) {
        const isSwitched = drives.some(({ id, path }) => id === driveOf(freeze) && path === overlayOf(freeze))
        if (!isSwitched) await prepare(freeze, { keepsOverlay: false })
      }
      await machine.freezeDrives(freezes.map((freeze) => ({ id: driveOf(freeze), overlayPath: overlayOf(freeze) })))
    } catch (error) {
      if (!(error instanceof DriveNotFrozen) && !isFileError(error)) throw error
      await takeBack(freezes, error)
      return
    }
    record(freezes)
  }

  return {
    freezeIdle,
    freezePlugged: async (machine, volumes) => {
      const ports = new Map(
        volumes.flatMap(({ id, attachment }) => (attachment ? [[id, attachment.port] as const] : [])),
      )
      for (;;) {
        const [next] = findDue((volumeId) => ports.has(volumeId))
        if (!next) return
        await freezeSet(machine, next.setId, ports)
      }
    },
    waitUntilFrozen: async (layerIds, timeoutMs) => {
      const isOver = () => !layerIds.some((id) => store.layers.find(id)?.state === 'pending')
      if (isOver()) return
      await new Promise<void>((resolve) => {
        const finish = () => {
          clearTimeout(timer)
          waiters.delete(look)
          resolve()
        }
        const look = () => {
          if (isOver()) finish()
        }
        const timer = setTimeout(finish, timeoutMs)
        waiters.add(look)
      })
    },
  }
}

/** The records as a freeze leaves them. */
function afterFreeze({ layer, volume, setId }: DueFreeze) {
  return {
    frozen: {
      ...layer,
      state: 'frozen' as const,
      virtualSizeBytes: volume.sizeGib * 1024 ** 3,
      ...(volume.layerId === undefined ? {} : { parentId: volume.layerId }),
      source: { volumeId: volume.id, setId, overlay: overlayNameOf(volume) },
    },
    resumed: { ...volume, layerId: layer.id, overlay: overlayOver(layer.id) },
  }
}

/** Of the file system: it came before anything was switched. */
function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
