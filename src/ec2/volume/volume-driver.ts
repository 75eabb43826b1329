import { join } from 'node:path'
import { removeDirectory } from '../../host/files.ts'
import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { coalesceByKey } from '../../host/coalesce.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import { releaseKey } from '../encryption/encryption.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { LayerCollector } from '../layer/layer-collector.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { Store } from '../ports/store.ts'
import { type Freezer } from '../snapshot/freezer.ts'
import { listFreezeIntents } from '../snapshot/freeze-intent.ts'
import { makeVolumeDisk } from './make-disk.ts'
import { carryOutModification, isModifying } from './modification.ts'
import { keyOf, overlayPathOf, type VolumeRecord } from './volume.ts'

/**
 * Brings volumes that no machine has to what their records ask for, by their files: makes, freezes, grows and deletes them. For those in a
 * machine that is the work of drive-plugging.ts. Work on one volume is done one after the other.
 */
export interface VolumeDriver {
  /** There is something new in the record of this volume. Returns at once; what is attached is told to its instance. */
  wake(volumeId: string): void
  /** Does what waits for a volume, and resolves when it is done. No machine may have it. */
  settle(volumeId: string): Promise<void>
  /** Goes on with what an earlier daemon left. */
  adopt(): void
}

export function createVolumeDriver(dependencies: {
  store: Store
  clock: Clock
  paths: StatePaths
  disks: DiskHost
  descriptions: DescriptionWriter
  freezer: Freezer
  layers: LayerCollector
  events: EventBus
  log: Logger
  wakeInstance: (instanceId: string) => void
}): VolumeDriver {
  const { store, clock, paths, disks, descriptions, freezer, layers, events, log } = dependencies

  async function work(volumeId: string): Promise<void> {
    const volume = store.volumes.find(volumeId)
    if (!volume) return
    if (volume.state === 'creating') {
      // What a launch or the replacement of a root volume makes is made by it.
      const isOfInstance = volume.attachment || store.rootVolumeTasks.countBy('volumeId', volumeId) > 0
      if (!isOfInstance) await make(volume)
      return
    }
    // Before it grows: a machine that is gone may have gone on in the new overlay already, and only that may become larger.
    await freezer.freezeIdle(volumeId)
    const present = store.volumes.find(volumeId)
    if (present?.state === 'deleting') return await erase(volumeId)
    if (present && isModifying(present)) await modify(volumeId)
    else await descriptions.describeVolume(volumeId)
  }

  async function make(volume: VolumeRecord): Promise<void> {
    try {
      await makeVolumeDisk({ store, paths, disks }, volume)
    } catch (error) {
      log.error({ volumeId: volume.id, err: error }, 'volume could not be made')
      await takeBack(volume, error)
      return
    }
    record(volume.id, 'available')
    await descriptions.describeVolume(volume.id)
  }

  /** Nothing is left of a volume that could not be made but its record, which is the caller's to delete. */
  async function takeBack(volume: VolumeRecord, error: unknown): Promise<void> {
    await removeDirectory(join(paths.volumes, volume.id))
    await releaseKey({ store, paths }, volume)
    record(volume.id, 'error')
    const why = error instanceof Error ? error.message : String(error)
    events.publish({ kind: 'volume-problem', resourceId: volume.id, message: `${volume.id} could not be made: ${why}` })
  }

  function record(volumeId: string, state: VolumeRecord['state']): void {
    store.transaction(() => {
      const present = store.volumes.find(volumeId)
      if (present?.state === 'creating') store.volumes.replace({ ...present, state })
    })
  }

  async function modify(volumeId: string): Promise<void> {
    await carryOutModification(
      { store, clock, descriptions },
      volumeId,
      async (volume, { sizeGib }) => {
        if (sizeGib <= volume.sizeGib) return
        await disks.growVolumeDisk({
          path: overlayPathOf(paths, volume),
          ...keyOf(volume),
          sizeBytes: sizeGib * 1024 ** 3,
        })
      },
      (error) => log.error({ volumeId, err: error }, 'volume could not be modified'),
    )
  }

  /** The record goes after the file, so that an interrupted deletion is taken up again. */
  async function erase(volumeId: string): Promise<void> {
    await removeDirectory(join(paths.volumes, volumeId))
    const volume = store.volumes.find(volumeId)
    if (volume) await releaseKey({ store, paths }, volume)
    store.transaction(() => {
      store.volumes.remove(volumeId)
      store.tags.removeAll(volumeId)
    })
    // Its image may be gone already: then the volume was the last that needed the layer. Nobody has to wait for that.
    void layers.collect()
  }

  const settle = coalesceByKey(work)

  function wake(volumeId: string): void {
    const instanceId = store.volumes.find(volumeId)?.attachment?.instanceId
    if (instanceId !== undefined) return dependencies.wakeInstance(instanceId)
    settle(volumeId).catch(async (error: unknown) => {
      log.error({ volumeId, err: error }, 'volume could not be settled and is tried again')
      await clock.sleep(retryPauseMs)
      wake(volumeId)
    })
  }

  return {
    wake,
    settle,
    adopt: () => {
      const waiting = new Set(listFreezeIntents(store).map(({ volumeId }) => volumeId))
      for (const volume of store.volumes.listAll()) {
        const isPassing = volume.state === 'creating' || volume.state === 'deleting'
        const isMoving = volume.attachment && volume.attachment.state !== 'attached'
        if (isPassing || isModifying(volume) || isMoving || waiting.has(volume.id)) wake(volume.id)
      }
    },
  }
}

/** Until the disk may be as it should again. */
const retryPauseMs = 5000
