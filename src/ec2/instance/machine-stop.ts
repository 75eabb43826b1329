import { type DriverContext, settleDevices } from './driver-context.ts'
import type { InstanceRecord } from './instance.ts'
import { type InstanceRuntime, waitForRuntime } from './runtime.ts'
import { recordState, type StateChange } from './state-machine.ts'

/** The step of a stopping instance: the guest is asked, in the end its machine is ended. */
export async function stop(context: DriverContext, runtime: InstanceRuntime, record: InstanceRecord): Promise<void> {
  const { store, log, powerButton, isClosed } = context
  const { machine } = runtime
  if (machine) {
    if (await hibernate(context, runtime, record)) await machine.quit()
    else if (record.request?.isForced) await machine.kill()
    else if (!(await powerButton.press(runtime, machine, context.stopTimeoutMs))) {
      if (isClosed()) return
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
  await releaseAfterStop(context, runtime, present, {
    ...(present.stateReason ? { reason: present.stateReason } : {}),
    transition: 'User initiated',
  })
}

/** Whether the memory of an instance that is to be hibernated is kept. */
async function hibernate(
  { planner, hibernator }: DriverContext,
  { machine }: InstanceRuntime,
  record: InstanceRecord,
): Promise<boolean> {
  // It was kept by a daemon that was killed before it ended the machine.
  if (record.hibernation) return true
  if (!machine || !record.request?.isHibernation) return false
  return await hibernator.save(record, machine, (await planner.plan(record)).spec)
}

/** Gives back what only a machine needs, and records the instance as stopped. */
export async function releaseAfterStop(
  context: DriverContext,
  runtime: InstanceRuntime,
  record: InstanceRecord,
  change: StateChange,
): Promise<void> {
  const { launcher, instanceDisks, instanceRelease, rootReplacer } = context
  runtime.bootWatch?.abort()
  runtime.checks = { system: 'not-applicable', instance: 'not-applicable' }
  delete runtime.problem
  instanceRelease.releaseAddresses(record)
  await launcher.release(record.id)
  await instanceDisks.complete(record)
  // Before a snapshot is made of them, or another machine gets them.
  await instanceDisks.repair(record)
  await settleDevices(context, record.id)
  rootReplacer.complete(record.id)
  recordState(context, record.id, 'stopped', change)
  await instanceRelease.refreshNetwork(record)
}

/** A stopped instance has no machine: one that outlived a crash between the two is ended. */
export async function settleStopped(context: DriverContext, runtime: InstanceRuntime): Promise<void> {
  if (runtime.machine) await runtime.machine.kill()
  else await settleDevices(context, runtime.id)
}

/** The step of an instance that is shutting down: nothing of it is left but its record. */
export async function terminate(
  context: DriverContext,
  runtime: InstanceRuntime,
  record: InstanceRecord,
): Promise<void> {
  const { launcher, instanceDisks, instanceRelease, rootReplacer, hibernator, powerButton, isClosed } = context
  const { machine } = runtime
  if (machine) {
    // Only a volume that outlives the instance is worth waiting for the guest to write its caches out.
    // A paused guest hears no power button.
    if (instanceDisks.hasSurvivingVolume(record) && !runtime.problem) {
      await powerButton.pressOnce(runtime, machine, context.stopTimeoutMs)
    }
    await machine.kill()
    await waitForRuntime(runtime, () => runtime.machine === undefined, 5000)
  }
  if (isClosed()) return
  runtime.bootWatch?.abort()
  await launcher.release(record.id)
  await instanceDisks.repair(record)
  await settleDevices(context, record.id)
  rootReplacer.complete(record.id)
  await hibernator.forget(record.id)
  await instanceRelease.release(record)
  recordState(context, record.id, 'terminated', {
    ...(record.stateReason ? { reason: record.stateReason } : {}),
    ...(record.stateTransitionReason ? { transition: 'User initiated' } : {}),
  })
  runtime.isDirty = true
}
