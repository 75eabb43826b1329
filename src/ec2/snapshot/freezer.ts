import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { StatePaths } from '../../host/state-paths.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import { Ec2Error } from '../errors.ts'
import { tellOutOfSpace } from '../out-of-space.ts'
import type { DiskHost } from '../ports/disk.ts'
import { DriveNotFrozen, type Machine, type PluggedDrive } from '../ports/machine.ts'
import type { Store } from '../ports/store.ts'
import { driveIdOf, keyOf, overlayNameOf, overlayOver, overlayPathOf, type VolumeRecord } from '../volume/volume.ts'
import { type FreezeIntent, listFreezeIntents } from './freeze-intent.ts'
import type { LayerSealer } from './layer-sealer.ts'

/**
 * Makes layers of volumes' overlays, in constant time: the present overlay becomes the layer, the volume goes on in a new one over it.
 *
 * The intent is a `pending` layer with a source. Before anything is switched the file has a second name in the layer's directory, the new
 * overlay is on disk, and the layer describes itself as it will be. So a crash loses nothing wherever it comes: a machine that lives says
 * itself which file it writes to; without a machine the new overlay is right in any case, for it is empty or holds what was written since.
 */
export interface Freezer {
  /** Does what waits for a volume by its files. No machine may have it. */
  freezeIdle(volumeId: string): Promise<void>
  /**
   * Does what waits for the volumes that are plugged into a machine, each set at one instant. Rejects when the machine does not answer. A
   * drive that the guest has given up waits until it is let go.
   */
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
      ...keyOf(volume),
    })
    await tellOutOfSpace('the snapshot', paths.layers, () =>
      descriptions.describeAhead({ ...afterFreeze(freeze).frozen, virtualSizeBytes }),
    )
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

  /**
   * Nothing was switched: the snapshots have failed, the volumes are as they were. The records come last: as long as they ask for the
   * freeze, a daemon that was killed here is followed by one that does it or takes it back. The layer goes before the overlay that it
   * describes as the volume's.
   */
  async function takeBack(freezes: readonly DueFreeze[], error: unknown): Promise<void> {
    const why = error instanceof Error ? error.message : String(error)
    log.error({ volumeIds: freezes.map(({ volume }) => volume.id), err: error }, 'volumes could not be frozen')
    for (const freeze of freezes) {
      await fsExtra.remove(join(paths.layers, freeze.layer.id))
      await fsExtra.remove(overlayOf(freeze))
    }
    store.transaction(() => {
      for (const { layer } of freezes) sealer.abandon(layer.id, why)
    })
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
      // There already: a machine may have gone on in it before a crash.
      const mayHoldData = await fsExtra.pathExists(overlayOf(freeze))
      try {
        await prepare(freeze, { keepsOverlay: true })
      } catch (error) {
        if (mayHoldData) throw error
        await takeBack([freeze], error)
        continue
      }
      record([freeze])
    }
  }

  async function freezeSet(
    machine: Machine,
    freezes: readonly DueFreeze[],
    driveOf: (volumeId: string) => PluggedDrive | undefined,
  ): Promise<void> {
    const isSwitched = (freeze: DueFreeze) => driveOf(freeze.volume.id)?.path === overlayOf(freeze)
    try {
      for (const freeze of freezes) if (!isSwitched(freeze)) await prepare(freeze, { keepsOverlay: false })
      await machine.freezeDrives(
        freezes.map((freeze) => ({
          id: driveOf(freeze.volume.id)?.id ?? '',
          overlayPath: overlayOf(freeze),
          ...keyOf(freeze.volume),
        })),
      )
    } catch (error) {
      const isUnchanged = error instanceof DriveNotFrozen || error instanceof Ec2Error || isFileError(error)
      // What the machine writes to already is never taken back.
      if (!isUnchanged || freezes.some(isSwitched)) throw error
      await takeBack(freezes, error)
      return
    }
    record(freezes)
  }

  return {
    freezeIdle,
    freezePlugged: async (machine, volumes) => {
      const driveIds = new Map(
        volumes.flatMap(({ id, attachment }) => (attachment ? [[id, driveIdOf(attachment.port)] as const] : [])),
      )
      for (;;) {
        const drives = (await machine.listDrives()).filter(({ path }) => path !== undefined)
        const driveOf = (volumeId: string) => drives.find(({ id }) => id === driveIds.get(volumeId))
        const due = findDue((volumeId) => driveOf(volumeId) !== undefined)
        const [first] = due
        if (!first) return
        const ofSet = due.filter(({ setId }) => setId === first.setId)
        await freezeSet(machine, ofSet, driveOf)
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
