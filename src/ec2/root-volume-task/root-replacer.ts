import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import type { EventBus } from '../event/event-bus.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { Store } from '../ports/store.ts'
import { makeVolumeDisk } from '../volume/make-disk.ts'
import type { VolumeDriver } from '../volume/volume-driver.ts'
import { findRootVolume, findTaskUnderWay, type RootVolumeTaskRecord } from './root-volume-task.ts'

/**
 * Carries out the replacement of an instance's root volume, for the driver of the instance: the disk is made while the machine runs, takes
 * its place between two machines, and the task is over when the next one runs. Each step is found again from the records after a crash.
 */
export interface RootReplacer {
  /** Makes the disk of a task that is `pending`; answers whether there was one. One that cannot be made ends the task. */
  prepare(instanceId: string): Promise<boolean>
  /** Whether a task waits for the machine to end. */
  isWaiting(instanceId: string): boolean
  /** Whether a new root volume is in its place that no machine has run with yet. */
  isReplaced(instanceId: string): boolean
  /** Puts the new volume in its place. No machine may have the old one. */
  settle(instanceId: string): Promise<void>
  /** The instance runs with its new volume, or has come to rest with it. */
  complete(instanceId: string): void
}

export function createRootReplacer(dependencies: {
  store: Store
  clock: Clock
  paths: StatePaths
  disks: DiskHost
  descriptions: DescriptionWriter
  volumes: VolumeDriver
  events: EventBus
  log: Logger
}): RootReplacer {
  const { store, clock, paths, disks, descriptions, volumes, events, log } = dependencies

  async function prepare(instanceId: string): Promise<boolean> {
    const task = findTaskUnderWay(store, instanceId)
    if (task?.state !== 'pending') return false
    const volume = store.volumes.find(task.volumeId)
    try {
      if (!volume) throw new Error(`${task.volumeId} is gone`)
      await makeVolumeDisk({ store, paths, disks }, volume)
    } catch (error) {
      log.error({ instanceId, volumeId: task.volumeId, err: error }, 'replacement of the root volume could not be made')
      fail(task, error instanceof Error ? error.message : String(error))
      return true
    }
    store.transaction(() => {
      const present = store.rootVolumeTasks.find(task.id)
      if (present?.state === 'pending') store.rootVolumeTasks.replace({ ...present, state: 'in-progress' })
    })
    return true
  }

  /** The old volume is still in its place, and what was made of the new one goes. */
  function fail({ id, instanceId }: RootVolumeTaskRecord, why: string): void {
    const volumeId = store.transaction(() => {
      const task = findTaskUnderWay(store, instanceId)
      if (task?.id !== id) return undefined
      const volume = store.volumes.find(task.volumeId)
      if (volume) store.volumes.replace({ ...volume, state: 'deleting' })
      store.rootVolumeTasks.replace({ ...task, state: 'failed', completeTime: clock.now().toISOString() })
      return task.volumeId
    })
    if (volumeId === undefined) return
    volumes.wake(volumeId)
    const message = `the root volume of ${instanceId} could not be replaced: ${why}`
    events.publish({ kind: 'instance-problem', resourceId: instanceId, message })
  }

  /** Answers the two volumes. In one transaction: there is no moment without a root volume. */
  function exchange({ id, instanceId }: RootVolumeTaskRecord): { old: string; new: string } | undefined {
    return store.transaction(() => {
      const task = findTaskUnderWay(store, instanceId)
      const instance = store.instances.find(instanceId)
      const root = instance && findRootVolume(store, instance)
      const volume = task && store.volumes.find(task.volumeId)
      if (task?.id !== id || !root || !volume) return undefined
      const { attachment, ...detached } = root
      store.volumes.replace({ ...detached, state: 'available' })
      const attachTime = clock.now().toISOString()
      store.volumes.replace({ ...volume, state: 'in-use', attachment: { ...attachment, attachTime } })
      store.instances.replace({
        ...instance,
        ...withProductCodes(instance.productCodes, volume.productCodes),
        ...(task.imageId === undefined ? {} : { imageId: task.imageId }),
      })
      store.rootVolumeTasks.replace({ ...task, replacedVolumeId: root.id })
      return { old: root.id, new: volume.id }
    })
  }

  return {
    prepare,
    isWaiting: (instanceId) => {
      const task = findTaskUnderWay(store, instanceId)
      return task !== undefined && task.replacedVolumeId === undefined
    },
    isReplaced: (instanceId) => findTaskUnderWay(store, instanceId)?.replacedVolumeId !== undefined,
    settle: async (instanceId) => {
      const task = findTaskUnderWay(store, instanceId)
      if (!task || task.replacedVolumeId !== undefined) return
      if (store.instances.find(instanceId)?.state === 'shutting-down') return fail(task, 'it is being terminated')
      await prepare(instanceId)
      if (store.rootVolumeTasks.find(task.id)?.state !== 'in-progress') return
      const exchanged = exchange(task)
      if (!exchanged) return fail(task, 'it has no root volume')
      await descriptions.describeVolume(exchanged.new)
      // What waited for the old volume while it was attached.
      volumes.wake(exchanged.old)
    },
    complete: (instanceId) => {
      const task = findTaskUnderWay(store, instanceId)
      if (task?.replacedVolumeId === undefined) return
      const { replacedVolumeId } = task
      const isDeleted = store.transaction(() => {
        store.rootVolumeTasks.replace({ ...task, state: 'succeeded', completeTime: clock.now().toISOString() })
        const old = store.volumes.find(replacedVolumeId)
        // Whoever has attached it meanwhile wants it.
        if (!task.deletesReplaced || old?.state !== 'available') return false
        store.volumes.replace({ ...old, state: 'deleting' })
        return true
      })
      if (isDeleted) volumes.wake(replacedVolumeId)
    },
  }
}
