import { hkdfSync } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import { keyPathOf } from '../encryption/encryption.ts'
import type { EventBus } from '../event/event-bus.ts'
import { bootStages, type InstanceRecord } from '../instance/instance.ts'
import { tellOutOfSpace } from '../out-of-space.ts'
import { findRootVolume } from '../root-volume-task/root-volume-task.ts'
import type { Machine, MachineHost } from '../ports/machine.ts'
import type { MachineSpec } from '../ports/machine-spec.ts'
import type { Resumption, StateFile } from '../ports/machine-state.ts'
import type { Store } from '../ports/store.ts'
import { type Hibernation, statePathOf } from './hibernation.ts'

/**
 * Keeps the memory of instances while they are stopped. It is written down that there is memory when its file is whole and durable, and that
 * there is none before a machine goes on with it: so a daemon that is killed at any instant is followed by one that hibernates again, or
 * lets the memory go on, and nobody ever goes on twice with the same.
 */
export interface Hibernator {
  /** Writes down the memory of a machine that was made of `spec`; it stands still then. Answers false, and tells why, when it goes on instead. */
  save(record: InstanceRecord, machine: Machine, spec: MachineSpec): Promise<boolean>
  /** What a machine of that spec is to go on with; undefined when it boots, be it because the memory does not fit it, which is told. */
  findResumption(record: InstanceRecord, spec: MachineSpec): Promise<Resumption | undefined>
  /** The memory cannot be used; `why` is told. */
  giveUp(instanceId: string, why: string): Promise<void>
  /** Nobody wants the memory any more. */
  forget(instanceId: string): Promise<void>
}

/** Tells keys that are made of the same secret apart (RFC 5869, "info"). */
const keyPurpose = 'kiln memory of a hibernated instance'
const keyBytes = 32

export function createHibernator(dependencies: {
  store: Store
  clock: Clock
  paths: StatePaths
  machines: MachineHost
  events: EventBus
  log: Logger
}): Hibernator {
  const { store, clock, paths, machines, events, log } = dependencies

  const pathOf = (instanceId: string) => statePathOf(paths, instanceId)

  async function fileOf(instanceId: string, encryptionKeyId: string | undefined): Promise<StateFile> {
    const path = pathOf(instanceId)
    if (encryptionKeyId === undefined) return { path }
    const secret = await readFile(keyPathOf(paths, encryptionKeyId))
    return { path, key: Buffer.from(hkdfSync('sha256', secret, '', keyPurpose, keyBytes)) }
  }

  function tell(instanceId: string, message: string): void {
    log.warn({ instanceId }, message)
    events.publish({ kind: 'instance-problem', resourceId: instanceId, message })
  }

  async function write(record: InstanceRecord, machine: Machine, spec: MachineSpec): Promise<void> {
    const moving = await findMoving(machine, spec)
    if (moving !== undefined) throw new Error(`${moving} is being attached or detached`)
    const encryptionKeyId = findRootVolume(store, record)?.encryptionKeyId
    const file = await fileOf(record.id, encryptionKeyId)
    const saved = await tellOutOfSpace('hibernation', paths.machines, () => machine.saveState(file))
    const hibernation: Hibernation = {
      savedAt: clock.now().toISOString(),
      saved,
      ...(encryptionKeyId === undefined ? {} : { encryptionKeyId }),
      shape: await machines.shapeOf(spec),
      stages: bootStages.filter((stage) => record.boot?.stages[stage] !== undefined),
    }
    store.transaction(() => {
      const present = store.instances.find(record.id)
      if (present) store.instances.replace({ ...present, hibernation })
    })
  }

  /** The record first, and for good: only then may the memory be used, or lost. */
  async function forget(instanceId: string): Promise<void> {
    store.transaction(() => {
      const present = store.instances.find(instanceId)
      if (!present?.hibernation) return
      const { hibernation: _hibernation, ...rest } = present
      store.instances.replace(rest)
    })
    await rm(pathOf(instanceId), { force: true })
  }

  async function giveUp(instanceId: string, why: string): Promise<void> {
    tell(instanceId, `${instanceId} boots anew instead of going on where it was hibernated: ${why}`)
    await forget(instanceId)
  }

  return {
    giveUp,
    forget,
    save: async (record, machine, spec) => {
      try {
        await write(record, machine, spec)
        return true
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        tell(record.id, `${record.id} could not be hibernated and is shut down instead: ${why}`)
        return false
      }
    },
    findResumption: async (record, spec) => {
      const { hibernation } = record
      if (!hibernation) {
        // What a hibernation that was broken off has left.
        await rm(pathOf(record.id), { force: true })
        return undefined
      }
      if ((await machines.shapeOf(spec)) !== hibernation.shape) {
        await giveUp(record.id, 'its machine, its devices, QEMU or the processor of the host is another one')
        return undefined
      }
      return {
        file: await fileOf(record.id, hibernation.encryptionKeyId),
        saved: hibernation.saved,
        onLoaded: async () => await forget(record.id),
      }
    },
  }
}

/** A device that the machine has and its spec has not, or the other way round. */
async function findMoving(machine: Machine, spec: MachineSpec): Promise<string | undefined> {
  const drives = (await machine.listDrives()).map(({ id }) => id)
  const networkDevices = (await machine.listNetworkDevices()).map(({ id }) => id)
  const wanted = [...spec.drives, ...spec.networkDevices].map(({ id }) => id)
  const present = [...drives, ...networkDevices]
  return wanted.find((id) => !present.includes(id)) ?? present.find((id) => !wanted.includes(id))
}
