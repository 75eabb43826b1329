import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { MachineHost } from '../ports/machine.ts'
import type { Store } from '../ports/store.ts'
import { listFreezeIntents } from '../snapshot/freeze-intent.ts'
import { makeVolumeDisk } from '../volume/make-disk.ts'
import { keyOf, overlayPathOf, type VolumeRecord } from '../volume/volume.ts'
import { markStage } from './boot-stage.ts'
import type { InstanceRecord } from './instance.ts'

/** The volumes of an instance over the life of its machine. */
export interface InstanceDisks {
  /** Makes those that do not exist yet; the root disk may be of another size at first, or there although its record does not say so yet. */
  make(record: InstanceRecord, root?: { readonly sizeBytes?: number; readonly isThere?: boolean }): Promise<void>
  /** Makes those of an instance that is stopped before its machine has run; a failure is the log's, the next start tries again. */
  complete(record: InstanceRecord): Promise<void>
  /**
   * Gives back what a machine that was killed had lost in its volumes; a failure is the log's. No machine may have them, and nothing may have
   * been made of them since.
   */
  repair(record: InstanceRecord): Promise<void>
  /** The volumes of a machine that runs are attached, whichever daemon started it. */
  markAttached(record: InstanceRecord): void
  /** Brings the descriptions that its volumes carry of themselves up to date; a failure is the log's. */
  describe(record: InstanceRecord): Promise<void>
  hasSurvivingVolume(record: InstanceRecord): boolean
}

export function createInstanceDisks({
  store,
  clock,
  paths,
  disks,
  machines,
  descriptions,
  log,
}: {
  store: Store
  clock: Clock
  paths: StatePaths
  disks: DiskHost
  machines: MachineHost
  descriptions: DescriptionWriter
  log: Logger
}): InstanceDisks {
  const volumesOf = (record: InstanceRecord) => store.volumes.listBy('attachment.instanceId', record.id)

  async function make(
    record: InstanceRecord,
    root: { readonly sizeBytes?: number; readonly isThere?: boolean } = {},
  ): Promise<void> {
    const volumes = volumesOf(record).filter((volume) => volume.state === 'creating')
    await Promise.all(
      volumes.map(async (volume) => {
        const isRoot = volume.attachment?.deviceName === record.rootDeviceName
        if (isRoot && root.isThere) return
        await makeVolumeDisk({ store, paths, disks }, volume, isRoot ? root.sizeBytes : undefined)
      }),
    )
    store.transaction(() => {
      for (const { id } of volumes) {
        const present = store.volumes.find(id)
        if (present?.state === 'creating') store.volumes.replace({ ...present, state: 'in-use' })
      }
      markStage(store, record.id, 'disk', clock.now())
    })
  }

  async function complete(record: InstanceRecord): Promise<void> {
    try {
      await make(record)
    } catch (error) {
      log.error({ instanceId: record.id, err: error }, 'disks could not be made')
    }
  }

  /** A QEMU that was killed leaves clusters that it had taken and not used yet: room that would be lost for good. */
  async function repair(record: InstanceRecord): Promise<void> {
    if (!(await machines.hasEndedUncleanly(join(paths.machines, record.id)))) return
    const waiting = new Set(listFreezeIntents(store).map(({ volumeId }) => volumeId))
    const isGoing = ({ id, attachment }: VolumeRecord) =>
      record.state === 'shutting-down' && attachment?.deleteOnTermination === true && !waiting.has(id)
    const kept = volumesOf(record).filter((volume) => volume.state !== 'creating' && !isGoing(volume))
    await Promise.all(
      kept.map(async (volume) => {
        try {
          await disks.repairLeaks({ path: overlayPathOf(paths, volume), ...keyOf(volume) })
        } catch (error) {
          log.warn({ volumeId: volume.id, err: error }, 'room that a killed machine lost is not given back')
        }
      }),
    )
  }

  function markAttached(record: InstanceRecord): void {
    store.transaction(() => {
      // What came of a template has its root disk only: the others are plugged in.
      const isClone = store.instances.find(record.id)?.boot?.way?.kind === 'template'
      for (const volume of volumesOf(record)) {
        if (volume.attachment?.state !== 'attaching') continue
        if (isClone && volume.attachment.deviceName !== record.rootDeviceName) continue
        store.volumes.replace({ ...volume, state: 'in-use', attachment: { ...volume.attachment, state: 'attached' } })
      }
    })
  }

  return {
    make,
    complete,
    repair,
    markAttached,
    describe: async (record) => {
      for (const { id } of volumesOf(record)) await descriptions.describeVolume(id)
    },
    hasSurvivingVolume: (record) =>
      volumesOf(record).some((volume) => volume.attachment?.deleteOnTermination === false),
  }
}
