import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { Machine, PluggedDrive } from '../ports/machine.ts'
import type { Store } from '../ports/store.ts'
import type { Freezer } from '../snapshot/freezer.ts'
import { listFreezeIntents } from '../snapshot/freeze-intent.ts'
import type { ChainRenewal } from '../volume/chain-renewal.ts'
import { lowestFreePort } from '../volume/drive-port.ts'
import { carryOutModification, isModifying } from '../volume/modification.ts'
import { limitsOf } from '../volume/volume-limits.ts'
import {
  driveIdOf,
  driveOf,
  keyIdsOf,
  overlayPathOf,
  type VolumeAttachment,
  type VolumeRecord,
} from '../volume/volume.ts'
import type { VolumeDriver } from '../volume/volume-driver.ts'

/** Brings the drives of an instance's machine to what the records of its volumes say: plugs, unplugs, grows and freezes them. */
export interface DrivePlugging {
  /**
   * For a machine that runs. Safe to repeat; what the guest has to agree to goes on when `device-removed` tells of it. Answers whether
   * something waits for that: a guest that is busy booting does not hear that it is asked, so it is to be asked again.
   */
  converge(machine: Machine, instanceId: string): Promise<boolean>
  /** For an instance without a machine: nothing stands in the way, and everything is done by files. */
  settle(instanceId: string): Promise<void>
}

type AttachedVolume = VolumeRecord & { readonly attachment: VolumeAttachment }

export function createDrivePlugging(dependencies: {
  store: Store
  clock: Clock
  paths: StatePaths
  events: EventBus
  volumes: VolumeDriver
  freezer: Freezer
  chains: ChainRenewal
  descriptions: DescriptionWriter
  log: Logger
}): DrivePlugging {
  const { store, clock, paths, events, volumes, freezer, chains, descriptions, log } = dependencies

  function listVolumes(instanceId: string): AttachedVolume[] {
    return store.volumes
      .listBy('attachment.instanceId', instanceId)
      .flatMap((volume) => (volume.attachment ? [{ ...volume, attachment: volume.attachment }] : []))
  }

  function hasWork(all: readonly AttachedVolume[]): boolean {
    const frozen = new Set(listFreezeIntents(store).map(({ volumeId }) => volumeId))
    return all.some(
      (volume) =>
        volume.attachment.state !== 'attached' ||
        isModifying(volume) ||
        frozen.has(volume.id) ||
        chains.isDue(volume.id),
    )
  }

  async function converge(machine: Machine, instanceId: string): Promise<boolean> {
    if (!hasWork(listVolumes(instanceId))) return false
    const drives = await machine.listDrives()
    for (const volume of listVolumes(instanceId)) {
      if (volume.attachment.state === 'detaching') await unplug(machine, volume, drives)
      else if (volume.attachment.state === 'attaching') await plug(machine, volume, drives)
    }
    const plugged = listVolumes(instanceId).filter(({ attachment }) => attachment.state !== 'attaching')
    for (const volume of plugged) if (isModifying(volume)) await modify(machine, volume)
    // A reboot that was asked for together with an image comes first: then the disks are at rest.
    if (!store.instances.find(instanceId)?.request?.isReboot) {
      await freezer.freezePlugged(machine, plugged)
      for (const volume of plugged) if (chains.isDue(volume.id)) await chains.renew(machine, volume)
    }
    return listVolumes(instanceId).some(({ attachment }) => attachment.state === 'detaching')
  }

  async function plug(machine: Machine, volume: AttachedVolume, drives: readonly PluggedDrive[]): Promise<void> {
    const { attachment } = volume
    const own = drives.find(({ path }) => path === overlayPathOf(paths, volume))
    if (!own) {
      await volumes.settle(volume.id)
      const taken = new Set(drives.map(({ id }) => id))
      const others = listVolumes(attachment.instanceId).filter(({ id }) => id !== volume.id)
      // A guest that never gave up a drive keeps its port until it is started anew.
      const port = taken.has(driveIdOf(attachment.port))
        ? lowestFreePort(others, (candidate) => taken.has(driveIdOf(candidate)))
        : attachment.port
      const settled = store.volumes.find(volume.id)
      if (settled?.attachment?.state !== 'attaching') return
      try {
        if (port === undefined) throw new Error('every port of the machine is taken')
        await machine.plugDrive(driveOf({ store, paths }, settled, port))
      } catch (error) {
        return await giveUp(volume, error)
      }
      update(volume.id, (present) => ({ ...present, port }))
    }
    markAttached(volume.id)
    await descriptions.describeVolume(volume.id)
  }

  function update(volumeId: string, change: (attachment: VolumeAttachment) => VolumeAttachment): void {
    store.transaction(() => {
      const present = store.volumes.find(volumeId)
      if (present?.attachment) store.volumes.replace({ ...present, attachment: change(present.attachment) })
    })
  }

  function markAttached(volumeId: string): void {
    update(volumeId, (present) => ({ ...present, state: present.state === 'attaching' ? 'attached' : present.state }))
  }

  async function giveUp({ id, attachment }: AttachedVolume, error: unknown): Promise<void> {
    const why = error instanceof Error ? error.message : String(error)
    log.error({ volumeId: id, instanceId: attachment.instanceId, err: error }, 'volume could not be attached')
    events.publish({
      kind: 'instance-problem',
      resourceId: attachment.instanceId,
      message: `${id} could not be attached to ${attachment.instanceId}: ${why}`,
    })
    await letGo(id)
  }

  async function letGo(volumeId: string): Promise<void> {
    store.transaction(() => {
      const present = store.volumes.find(volumeId)
      if (!present) return
      const { attachment: _attachment, ...rest } = present
      store.volumes.replace({ ...rest, state: 'available' })
    })
    await descriptions.describeVolume(volumeId)
    // What waited for the volume while it was attached.
    volumes.wake(volumeId)
  }

  async function unplug(machine: Machine, volume: AttachedVolume, drives: readonly PluggedDrive[]): Promise<void> {
    const id = driveIdOf(volume.attachment.port)
    if (drives.some((drive) => drive.id === id && drive.path !== undefined)) {
      // QEMU refuses to ask a guest that it has asked less than five seconds before, or whose slot blinks because it has heard.
      await machine.unplugDrive(id).catch((error: unknown) => log.debug({ volumeId: volume.id, err: error }, 'unplug'))
      if (!volume.attachment.isForced) return
      await clock.sleep(forcedPatienceMs)
      const isStillThere = (await machine.listDrives()).some((drive) => drive.id === id)
      if (isStillThere) await machine.emptyDrive(id)
    }
    await machine.closeDrive(id)
    const others = listVolumes(volume.attachment.instanceId).filter((other) => other.id !== volume.id)
    await machine.keepKeys(others.flatMap((other) => keyIdsOf(store, other)))
    await letGo(volume.id)
  }

  async function modify(machine: Machine, { id, attachment }: AttachedVolume): Promise<void> {
    const driveId = driveIdOf(attachment.port)
    await carryOutModification(
      { store, clock, descriptions },
      id,
      async (volume, target) => {
        if (target.sizeGib > volume.sizeGib) await machine.growDrive(driveId, target.sizeGib * 1024 ** 3)
        await machine.limitDrive(driveId, limitsOf(target))
      },
      (error) => log.error({ volumeId: id, err: error }, 'volume could not be modified'),
    )
  }

  return {
    converge,
    settle: async (instanceId) => {
      for (const { id, attachment, state } of listVolumes(instanceId)) {
        await volumes.settle(id)
        if (attachment.state === 'detaching') await letGo(id)
        // Its machine, which it was to be plugged into, has ended or has never run: it is there at the next start.
        else if (attachment.state === 'attaching' && state === 'in-use') markAttached(id)
      }
    },
  }
}

/** How long a guest that gives a drive up by itself may take for it before a forced detachment takes the drive away. */
const forcedPatienceMs = 2000
