import { takeOver } from './boot-watch.ts'
import type { DriverContext, DriverDependencies } from './driver-context.ts'
import type { InstanceRecord } from './instance.ts'
import { listLiveInstances } from './live-instances.ts'
import { takeMachineEvent } from './machine-events.ts'
import { watchRunning } from './machine-run.ts'
import { launch } from './machine-start.ts'
import { settleStopped, stop, terminate } from './machine-stop.ts'
import { createPowerButton } from './power-button.ts'
import { createRuntime, type InstanceRuntime, notifyRuntime, waitForRuntime } from './runtime.ts'
import { recordState } from './state-machine.ts'

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

export function createInstanceDriver(dependencies: DriverDependencies): InstanceDriver {
  const { store, clock, launcher, diskPause, log } = dependencies
  const runtimes = new Map<string, InstanceRuntime>()
  /** Instances whose machines an earlier daemon may have left running: until they were looked for, nothing is done for them. */
  const unclaimed = new Set(listLiveInstances(store).map(({ id }) => id))
  let isClosed = false
  const context: DriverContext = {
    ...dependencies,
    powerButton: createPowerButton({ store, clock, log, isClosed: () => isClosed }),
    isClosed: () => isClosed,
    wake,
  }

  function runtimeFor(instanceId: string): InstanceRuntime {
    let runtime = runtimes.get(instanceId)
    if (!runtime) runtimes.set(instanceId, (runtime = createRuntime(instanceId)))
    return runtime
  }

  function wake(instanceId: string): void {
    const runtime = runtimeFor(instanceId)
    runtime.isDirty = true
    notifyRuntime(runtime)
    proceed(runtime)
  }

  function proceed(runtime: InstanceRuntime): void {
    if (!runtime.isRunning && !unclaimed.has(runtime.id)) void runLoop(runtime)
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
        return await launch(context, runtime, record)
      case 'running':
        return await watchRunning(context, runtime, record)
      case 'stopping':
        return await stop(context, runtime, record)
      case 'shutting-down':
        return await terminate(context, runtime, record)
      case 'stopped':
        return await settleStopped(context, runtime)
      case 'terminated':
      case undefined:
        runtimes.delete(runtime.id)
    }
  }

  /** Rejects when it cannot be told whether a machine lives. */
  async function adoptOne(runtime: InstanceRuntime, record: InstanceRecord): Promise<void> {
    const found = await launcher.adopt(record, (event) => takeMachineEvent(context, runtime, event))
    if ('pid' in found) {
      takeOver(context, runtime, found, record)
    } else {
      const reason = found.isHostRebooted ? 'the host was rebooted' : 'it ended while no daemon was running'
      const { isClean, isHostRebooted } = found
      runtime.ending = { kind: 'ended', isClean, isHostRebooted, isBetweenMachines: isMachineDue(record), reason }
    }
  }

  async function claim(instanceId: string): Promise<void> {
    const runtime = runtimeFor(instanceId)
    const record = store.instances.find(instanceId)
    try {
      if (record) await adoptOne(runtime, record)
    } catch (error) {
      log.error({ instanceId, err: error }, 'instance could not be taken over and is looked for again')
      void clock.sleep(claimAgainMs).then(async () => (isClosed ? undefined : await claim(instanceId)))
      return
    }
    unclaimed.delete(instanceId)
    wake(instanceId)
  }

  return {
    wake,
    runtimeOf: (instanceId) => runtimes.get(instanceId),
    runtimes: () => runtimes.values(),
    adopt: async () => {
      await Promise.all([...unclaimed].map(claim))
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

const claimAgainMs = 1000

/** Whether the machine of the present boot has never run: where it writes its console is recorded when it does (launcher.ts). */
function isMachineDue({ state, boot }: InstanceRecord): boolean {
  return state === 'running' && boot !== undefined && boot.consoleStart === undefined
}
