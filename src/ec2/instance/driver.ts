import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { Random } from '../../host/random.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { Machine, MachineEvent } from '../ports/machine.ts'
import type { Store } from '../ports/store.ts'
import type { RootReplacer } from '../root-volume-task/root-replacer.ts'
import type { BootWatcher } from './boot-watcher.ts'
import type { DiskPause } from './disk-pause.ts'
import type { DrivePlugging } from './drive-plugging.ts'
import type { InterfacePlugging } from './interface-plugging.ts'
import type { InstanceRecord } from './instance.ts'
import type { MachineLauncher } from './launcher.ts'
import { changeForEnding } from './machine-ending.ts'
import { createPowerButton } from './power-button.ts'
import { renewBoot } from './renew-boot.ts'
import { createRuntime, type InstanceRuntime, notifyRuntime, waitForRuntime } from './runtime.ts'
import { recordState, type StateChange } from './state-machine.ts'

/**
 * Drives each instance's machine to what its record asks for. The record is the intent; a step looks at it and at the machine
 * and does the next thing, so that an ordinary life, a user who changes their mind half-way, and a daemon that was killed and
 * comes back all take the same path.
 */
export interface InstanceDriver {
  /** There is something new in the record of this instance. Returns at once. */
  wake(instanceId: string): void
  /** Takes over what an earlier daemon left: adopts machines, goes on with what was under way. */
  adopt(): Promise<void>
  /** What is known of the instance beyond its record. */
  runtimeOf(instanceId: string): InstanceRuntime | undefined
  /** Instances whose machines live. */
  runtimes(): Iterable<InstanceRuntime>
  /** Ends every machine and waits until all are gone; their records say stopped. */
  stopAll(): Promise<void>
  /** Nothing more is begun; machines go on. */
  close(): void
}

export interface DriverDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly events: EventBus
  readonly launcher: MachineLauncher
  readonly bootWatcher: BootWatcher
  readonly diskPause: DiskPause
  readonly drives: DrivePlugging
  readonly interfaces: InterfacePlugging
  readonly rootReplacer: RootReplacer
  readonly log: Logger
  readonly stopTimeoutMs: number
  readonly rebootTimeoutMs: number
  readonly startAfterHostReboot: boolean
}

/** Longer than the five seconds for which Linux lets the button of a PCIe slot take back what it has asked for. */
const askAgainMs = 10_000

export function createInstanceDriver(dependencies: DriverDependencies): InstanceDriver {
  const { store, clock, events, launcher, bootWatcher, diskPause, drives, interfaces, rootReplacer, log } = dependencies
  const runtimes = new Map<string, InstanceRuntime>()
  let isClosed = false
  const powerButton = createPowerButton({ store, clock, log, isClosed: () => isClosed })

  function runtimeFor(instanceId: string): InstanceRuntime {
    let runtime = runtimes.get(instanceId)
    if (!runtime) runtimes.set(instanceId, (runtime = createRuntime(instanceId)))
    return runtime
  }

  function wake(instanceId: string): void {
    const runtime = runtimeFor(instanceId)
    runtime.isDirty = true
    notifyRuntime(runtime)
    if (!runtime.isRunning) void runLoop(runtime)
  }

  async function runLoop(runtime: InstanceRuntime): Promise<void> {
    runtime.isRunning = true
    try {
      while (runtime.isDirty && !isClosed) {
        runtime.isDirty = false
        try {
          await step(runtime)
        } catch (error) {
          if (isClosed) return
          log.error({ instanceId: runtime.id, err: error }, 'instance step failed')
          await clock.sleep(1000)
          runtime.isDirty = true
        }
      }
    } finally {
      runtime.isRunning = false
      notifyRuntime(runtime)
    }
  }

  async function step(runtime: InstanceRuntime): Promise<void> {
    const record = store.instances.find(runtime.id)
    switch (record?.state) {
      case 'pending':
        return await launch(runtime, record)
      case 'running':
        return await watchRunning(runtime, record)
      case 'stopping':
        return await stop(runtime, record)
      case 'shutting-down':
        return await terminate(runtime, record)
      case 'stopped':
        return await settleStopped(runtime)
      case 'terminated':
      case undefined:
        runtimes.delete(runtime.id)
    }
  }

  /** What was asked of devices and no machine has to do. */
  async function settleDevices(instanceId: string): Promise<void> {
    await rootReplacer.settle(instanceId)
    await drives.settle(instanceId)
    interfaces.settle(instanceId)
  }

  /** Starts the machine. When that fails a new instance is terminated and another one stopped, with the reason. */
  async function startMachine(runtime: InstanceRuntime, record: InstanceRecord): Promise<Machine | undefined> {
    try {
      await settleDevices(record.id)
      return await launcher.start(record, (event) => onMachineEvent(runtime, event))
    } catch (error) {
      if (isClosed) throw error
      const why = error instanceof Error ? error.message : String(error)
      log.error({ instanceId: record.id, err: error }, 'machine could not be started')
      const reason = { code: 'Server.InternalError', message: `Server.InternalError: ${why}` }
      if (record.boot?.isFirst) recordState(dependencies, record.id, 'shutting-down', { reason })
      else await releaseAfterStop(runtime, record, { reason })
      runtime.isDirty = true
      return undefined
    }
  }

  async function launch(runtime: InstanceRuntime, record: InstanceRecord): Promise<void> {
    if (!runtime.machine) {
      delete runtime.ending
      const machine = await startMachine(runtime, record)
      if (!machine || isClosed) return
      if (!runtime.ending) takeOver(runtime, machine, record)
    }
    launcher.markAttached(record)
    recordState(dependencies, record.id, 'running')
    await launcher.describeVolumes(launcher.volumeIdsOf(record))
    runtime.isDirty = true
  }

  function takeOver(runtime: InstanceRuntime, machine: Machine, record: InstanceRecord): void {
    runtime.machine = machine
    runtime.checks = { system: 'initializing', instance: 'initializing' }
    watchBoot(runtime, record)
  }

  function watchBoot(runtime: InstanceRuntime, record: InstanceRecord): void {
    runtime.bootWatch?.abort()
    const watch = (runtime.bootWatch = new AbortController())
    bootWatcher.watch(record.id, runtime, watch.signal)
  }

  async function watchRunning(runtime: InstanceRuntime, record: InstanceRecord): Promise<void> {
    if (await rootReplacer.prepare(record.id)) {
      runtime.isDirty = true
      return
    }
    const isRebootDue = record.request?.isReboot || rootReplacer.isWaiting(record.id)
    if (isRebootDue || (!runtime.machine && rootReplacer.isReplaced(record.id))) return await reboot(runtime, record)
    if (!runtime.machine) return await dealWithEnding(runtime, record)
    rootReplacer.complete(record.id)
    const isDriveWaiting = await drives.converge(runtime.machine, record.id)
    const isInterfaceWaiting = await interfaces.converge(runtime.machine, record.id)
    if (isDriveWaiting || isInterfaceWaiting) void wakeLater(runtime)
  }

  /** Once for all that waits. */
  async function wakeLater(runtime: InstanceRuntime): Promise<void> {
    if (runtime.isToBeWoken) return
    runtime.isToBeWoken = true
    await clock.sleep(askAgainMs)
    runtime.isToBeWoken = false
    if (!isClosed) wake(runtime.id)
  }

  /** The machine of a running instance has ended by itself. */
  async function dealWithEnding(runtime: InstanceRuntime, record: InstanceRecord): Promise<void> {
    const { ending } = runtime
    delete runtime.ending
    if (ending?.isBetweenMachines) return await startAgain(runtime, record)
    if (ending?.isHostRebooted && dependencies.startAfterHostReboot && record.autoRecovery === 'default') {
      return await startAgain(runtime, record)
    }
    const change = changeForEnding(ending)
    if (ending?.isClean && record.shutdownBehavior === 'terminate') {
      recordState(dependencies, record.id, 'shutting-down', change)
      runtime.isDirty = true
      return
    }
    if (!ending?.isClean) {
      events.publish({ kind: 'instance-problem', resourceId: record.id, message: change.reason?.message ?? 'ended' })
    }
    await releaseAfterStop(runtime, record, change)
  }

  async function startAgain(runtime: InstanceRuntime, record: InstanceRecord): Promise<void> {
    const renewed = renewBoot(dependencies, record)
    const machine = await startMachine(runtime, renewed)
    if (machine) rootReplacer.complete(record.id)
    if (machine && !runtime.ending) takeOver(runtime, machine, renewed)
  }

  async function reboot(runtime: InstanceRuntime, record: InstanceRecord): Promise<void> {
    const { machine } = runtime
    if (machine) {
      const isDown = await powerButton.press(runtime, machine, dependencies.rebootTimeoutMs)
      const present = store.instances.find(record.id)
      if (isClosed || present?.state !== 'running') {
        runtime.isDirty = true
        return
      }
      if (!isDown && rootReplacer.isWaiting(record.id)) {
        log.warn({ instanceId: record.id }, 'guest ignored the power button, ending it to replace its root volume')
        await machine.kill()
        runtime.isDirty = true
        return
      }
      if (!isDown) {
        log.warn({ instanceId: record.id }, 'guest ignored the power button, resetting it')
        const consoleStart = await launcher.consoleSize(record.id)
        await machine.reset()
        watchBoot(runtime, renewBoot(dependencies, record, consoleStart))
        runtime.isDirty = true
        return
      }
    }
    delete runtime.ending
    await startAgain(runtime, record)
  }

  async function stop(runtime: InstanceRuntime, record: InstanceRecord): Promise<void> {
    const { machine } = runtime
    if (machine) {
      if (record.request?.isForced) await machine.kill()
      else if (!(await powerButton.press(runtime, machine, dependencies.stopTimeoutMs))) {
        if (isClosed) return
        const present = store.instances.find(record.id)
        if (present?.state === 'stopping') {
          log.warn({ instanceId: record.id }, 'guest did not power off in time, ending it')
          await machine.kill()
        } else {
          runtime.isDirty = true
          return
        }
      }
      await waitForRuntime(runtime, () => runtime.machine === undefined, 5000)
    }
    delete runtime.ending
    const present = store.instances.find(record.id)
    if (present?.state !== 'stopping') {
      runtime.isDirty = true
      return
    }
    await releaseAfterStop(runtime, present, {
      ...(present.stateReason ? { reason: present.stateReason } : {}),
      transition: 'User initiated',
    })
  }

  async function releaseAfterStop(
    runtime: InstanceRuntime,
    record: InstanceRecord,
    change: StateChange,
  ): Promise<void> {
    runtime.bootWatch?.abort()
    runtime.checks = { system: 'not-applicable', instance: 'not-applicable' }
    delete runtime.problem
    await launcher.releaseAddresses(record)
    await launcher.completeDisks(record)
    await settleDevices(record.id)
    rootReplacer.complete(record.id)
    recordState(dependencies, record.id, 'stopped', change)
    await launcher.refreshNetwork(record)
  }

  /** A stopped instance has no machine: one that outlived a crash between the two is ended. */
  async function settleStopped(runtime: InstanceRuntime): Promise<void> {
    if (runtime.machine) await runtime.machine.kill()
    else await settleDevices(runtime.id)
  }

  async function terminate(runtime: InstanceRuntime, record: InstanceRecord): Promise<void> {
    const { machine } = runtime
    if (machine) {
      // Only a volume that outlives the instance is worth waiting for the guest to write its caches out.
      // A paused guest hears no power button.
      if (launcher.hasSurvivingVolume(record) && !runtime.problem) {
        await powerButton.pressOnce(runtime, machine, dependencies.stopTimeoutMs)
      }
      await machine.kill()
      await waitForRuntime(runtime, () => runtime.machine === undefined, 5000)
    }
    if (isClosed) return
    runtime.bootWatch?.abort()
    await settleDevices(record.id)
    rootReplacer.complete(record.id)
    await launcher.release(record)
    recordState(dependencies, record.id, 'terminated', {
      ...(record.stateReason ? { reason: record.stateReason } : {}),
      ...(record.stateTransitionReason ? { transition: 'User initiated' } : {}),
    })
    runtimes.delete(record.id)
  }

  function onMachineEvent(runtime: InstanceRuntime, event: MachineEvent): void {
    log.info({ instanceId: runtime.id, event }, 'machine event')
    switch (event.kind) {
      case 'ended':
        delete runtime.machine
        runtime.ending = event
        runtime.bootWatch?.abort()
        wake(runtime.id)
        return
      case 'paused-by-io-error':
        diskPause.onPaused(runtime, event)
        return
      case 'resumed':
        diskPause.onResumed(runtime)
        return
      case 'guest-panicked':
        events.publish({
          kind: 'instance-problem',
          resourceId: runtime.id,
          message: `the kernel of ${runtime.id} panicked`,
        })
        return
      case 'guest-reset':
        followReboot(runtime).catch((error: unknown) =>
          log.error({ instanceId: runtime.id, err: error }, 'reboot could not be followed'),
        )
        return
      case 'device-removed':
        wake(runtime.id)
        return
      case 'guest-shutdown':
        return
    }
  }

  /** The guest boots again by itself: its stages begin anew, its record is otherwise the same. */
  async function followReboot(runtime: InstanceRuntime): Promise<void> {
    const consoleStart = await launcher.consoleSize(runtime.id)
    const record = store.instances.find(runtime.id)
    if (isClosed || !runtime.machine || record?.state !== 'running') return
    watchBoot(runtime, renewBoot(dependencies, record, consoleStart))
  }

  async function adoptOne(record: InstanceRecord): Promise<void> {
    const runtime = runtimeFor(record.id)
    const found = await launcher.adopt(record, (event) => onMachineEvent(runtime, event))
    if ('pid' in found) {
      takeOver(runtime, found, record)
    } else {
      const reason = found.isHostRebooted ? 'the host was rebooted' : 'it ended while no daemon was running'
      const { isClean, isHostRebooted } = found
      runtime.ending = { kind: 'ended', isClean, isHostRebooted, isBetweenMachines: isMachineDue(record), reason }
    }
    wake(record.id)
  }

  return {
    wake,
    runtimeOf: (instanceId) => runtimes.get(instanceId),
    runtimes: () => runtimes.values(),
    adopt: async () => {
      const states = ['pending', 'running', 'stopping', 'shutting-down'] as const
      const live = states.flatMap((state) => store.instances.listBy('state', state))
      await Promise.all(
        live.map(async (record) => {
          try {
            await adoptOne(record)
          } catch (error) {
            log.error({ instanceId: record.id, err: error }, 'instance could not be taken over')
            wake(record.id)
          }
        }),
      )
    },
    stopAll: async () => {
      const live = (['pending', 'running'] as const).flatMap((state) => store.instances.listBy('state', state))
      for (const { id } of live) {
        recordState(dependencies, id, 'stopping', { transition: 'User initiated' })
        wake(id)
      }
      // Those that were stopping or ending already are waited for too: they have networks and files to give back.
      await Promise.all(
        [...runtimes.values()].map((runtime) =>
          waitForRuntime(
            runtime,
            () => runtime.machine === undefined && !runtime.isRunning,
            dependencies.stopTimeoutMs + 10_000,
          ),
        ),
      )
    },
    close: () => {
      isClosed = true
      diskPause.close()
      for (const runtime of runtimes.values()) {
        runtime.bootWatch?.abort()
        notifyRuntime(runtime)
      }
    },
  }
}

/** Whether the machine of the present boot has never run: where it writes its console is recorded when it does (launcher.ts). */
function isMachineDue({ state, boot }: InstanceRecord): boolean {
  return state === 'running' && boot !== undefined && boot.consoleStart === undefined
}
