import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../host/clock.ts'
import { machineFile, type StatePaths } from '../../host/state-paths.ts'
import type { ClonePool } from '../fast-launch/clone-pool.ts'
import type { Clone, Cloner } from '../fast-launch/cloner.ts'
import type { Hibernator } from '../hibernation/hibernator.ts'
import { addressesOf } from '../network-interface/network-interface.ts'
import { assignPublicAddresses } from '../network-interface/public-address.ts'
import type { Machine, MachineEvent, MachineHost, PreparedMachine } from '../ports/machine.ts'
import type { Network } from '../ports/network.ts'
import type { Store } from '../ports/store.ts'
import type { NetworkDriver } from '../vpc/network-driver.ts'
import { markStage } from './boot-stage.ts'
import type { InstanceDisks } from './instance-disks.ts'
import type { InstanceRecord } from './instance.ts'
import type { MachinePlan, MachinePlanner } from './machine-planner.ts'
import { createMachineStarter, type MachineStarter } from './machine-starter.ts'

/** Starts the machines of instances, with what they need around them, and finds them again. */
export interface MachineLauncher {
  /** Makes the disks that do not exist yet, brings up the network, starts QEMU; one that is hibernated goes on where it was. */
  start(record: InstanceRecord, onEvent: (event: MachineEvent) => void): Promise<Machine>
  /** Takes over the machine that an earlier daemon started. */
  adopt(record: InstanceRecord, onEvent: (event: MachineEvent) => void): ReturnType<MachineHost['adopt']>
  /** Ends a machine that was loaded for an instance ahead of its launch, and that it has not been given. */
  release(instanceId: string): Promise<void>
  /** Bytes of console output so far; 0 when there is none. */
  consoleSize(instanceId: string): Promise<number>
}

export interface LauncherDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly paths: StatePaths
  readonly machines: MachineHost
  readonly network: Network
  readonly networks: NetworkDriver
  readonly hibernator: Hibernator
  readonly cloner: Cloner
  readonly clonePool: ClonePool
  readonly instanceDisks: InstanceDisks
  readonly planner: MachinePlanner
  readonly publicCidr: string
}

/** What a machine begins with. */
interface Beginning {
  readonly clone: Clone | undefined
  readonly pooled: PreparedMachine | undefined
  readonly preparing: Promise<MachinePlan & { readonly prepared: PreparedMachine }>
  readonly connected: Promise<void>
  readonly onEvent: (event: MachineEvent) => void
}

export function createMachineLauncher(dependencies: LauncherDependencies): MachineLauncher {
  const { store, paths, machines, network, networks, cloner, clonePool, instanceDisks, planner } = dependencies
  const starter = createMachineStarter(dependencies)

  async function start(record: InstanceRecord, onEvent: (event: MachineEvent) => void): Promise<Machine> {
    assignPublicAddresses(store, record, dependencies.publicCidr)
    const begun = await beginClone(record)
    const clone = begun && !('kind' in begun) ? begun : undefined
    const pooled = await clonePool.claim(record.id, clone && (await describeWanted(record, clone)))
    const consoleStart = await consoleSize(record.id)
    // Before the rest: it takes a few milliseconds, and without a disk nothing else is worth its while.
    await instanceDisks.make(record, {
      ...(clone ? { sizeBytes: clone.rootSizeBytes } : {}),
      isThere: pooled !== undefined,
    })
    if (!pooled) await instanceDisks.repair(record)
    const preparing = prepareMachine(record, clone, pooled)
    const connected = networks.refresh(record.vpcId)
    // All must have ended before a failure is told: what is then cleaned up must not come into being afterwards.
    const starting = begin(record, { clone, pooled, preparing, connected, onEvent })
    await Promise.allSettled([starting, connected])
    const { machine, isResumed, spec, verdict } = await starting
    // Its guest answers from now on, not only after a boot.
    if (isResumed || clone) {
      for (const own of store.interfaces.listBy('attachment.instanceId', record.id))
        for (const { privateIp } of addressesOf(own)) network.dialAgain(record.vpcId, privateIp)
    }
    store.transaction(() => {
      const present = store.instances.find(record.id)
      if (present?.boot) {
        const way = present.boot.way ?? (begun && 'kind' in begun ? begun : undefined)
        store.instances.replace({
          ...present,
          boot: {
            ...present.boot,
            consoleStart,
            accelerator: verdict.accelerator,
            acceleratorReason: verdict.reason,
            ...(way ? { way } : {}),
          },
        })
      }
      if (machine.executedAt) markStage(store, record.id, 'qemu', machine.executedAt)
      // It is where it was.
      if (isResumed) {
        // Its clock has stood still with it.
        void machine.setGuestClock()
        for (const stage of record.hibernation?.stages ?? [])
          markStage(store, record.id, stage, dependencies.clock.now())
      }
    })
    const way = store.instances.find(record.id)?.boot?.way
    if (clone && way?.kind === 'template') clonePool.replenish(record, spec, clone)
    return machine
  }

  /**
   * One that was loaded ahead goes on while the network is brought to what the records say: it is in its namespace already, with a tap that is not up
   * before.
   */
  async function begin(
    record: InstanceRecord,
    { clone, pooled, preparing, connected, onEvent }: Beginning,
  ): Promise<Awaited<ReturnType<MachineStarter['start']>> & MachinePlan> {
    if (!pooled) {
      await Promise.allSettled([preparing, connected])
      await connected
    }
    const { spec, verdict, prepared } = await preparing
    // Throws when one of its taps could not be set up.
    const enter = () =>
      network.commandPrefix(
        record.vpcId,
        spec.networkDevices.map(({ tapName }) => tapName),
      )
    const started = await starter.start({
      ...{ record, spec, clone, onEvent },
      untilConnected: async () => {
        await connected
        enter()
      },
      begin: async (hear, resumption) => await prepared.start(pooled ? [] : enter(), hear, resumption),
      beginAnew: async (hear) => {
        await instanceDisks.make(record)
        return await (await prepareMachine(record)).prepared.start(enter(), hear)
      },
    })
    return { ...started, spec, verdict }
  }

  /** Only a machine that has never run can go on from a template. */
  async function beginClone(record: InstanceRecord): Promise<Awaited<ReturnType<Cloner['begin']>> | undefined> {
    if (!record.boot?.isFirst) return undefined
    return await cloner.begin(record, (await planner.plan(record)).spec)
  }

  async function describeWanted(record: InstanceRecord, clone: Clone) {
    return { templateId: clone.template.id, spec: clone.specOf((await planner.plan(record)).spec) }
  }

  async function prepareMachine(
    record: InstanceRecord,
    clone?: Clone,
    pooled?: PreparedMachine,
  ): Promise<MachinePlan & { readonly prepared: PreparedMachine }> {
    const { spec: own, verdict } = await planner.plan(record)
    const spec = clone?.specOf(own) ?? own
    return { spec, verdict, prepared: pooled ?? (await machines.prepare(spec)) }
  }

  async function consoleSize(instanceId: string): Promise<number> {
    const log = await stat(join(paths.machines, instanceId, machineFile.consoleLog)).catch(() => undefined)
    return log?.size ?? 0
  }

  return {
    start,
    release: async (instanceId) => {
      await clonePool.claim(instanceId)
    },
    consoleSize,
    adopt: (record, onEvent) => machines.adopt(join(paths.machines, record.id), onEvent),
  }
}
