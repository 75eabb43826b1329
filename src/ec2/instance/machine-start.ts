import type { Machine } from '../ports/machine.ts'
import { takeOver, watchBoot } from './boot-watch.ts'
import { type DriverContext, settleDevices } from './driver-context.ts'
import type { InstanceRecord } from './instance.ts'
import { takeMachineEvent } from './machine-events.ts'
import { releaseAfterStop } from './machine-stop.ts'
import { renewBoot } from './renew-boot.ts'
import { type InstanceRuntime, waitForRuntime } from './runtime.ts'
import { recordState } from './state-machine.ts'

/** Its end is noticed by its process. */
const endPatienceMs = 5000

/** The step of a pending instance: its machine runs at the end. */
export async function launch(context: DriverContext, runtime: InstanceRuntime, record: InstanceRecord): Promise<void> {
  const { instanceDisks, isClosed } = context
  if (runtime.machine && (record.hibernation || record.boot?.cloning !== undefined)) {
    // A daemon was killed while it gave this machine its memory, which is there still, or an identity, which its guest may have or not.
    await runtime.machine.kill()
    await waitForRuntime(runtime, () => runtime.machine === undefined, endPatienceMs)
  }
  // The same a moment later: all is loaded, and it stands still.
  if (runtime.machine) await runtime.machine.resume()
  else {
    delete runtime.ending
    const machine = await startMachine(context, runtime, record)
    if (!machine || isClosed()) return
    if (!runtime.ending) takeOver(context, runtime, machine, record)
  }
  instanceDisks.markAttached(record)
  recordState(context, record.id, 'running')
  await instanceDisks.describe(record)
  runtime.isDirty = true
}

/** Starts the machine. When that fails a new instance is terminated and another one stopped, with the reason. */
async function startMachine(
  context: DriverContext,
  runtime: InstanceRuntime,
  record: InstanceRecord,
): Promise<Machine | undefined> {
  const { launcher, log, isClosed } = context
  try {
    await settleDevices(context, record.id)
    return await launcher.start(record, (event) => takeMachineEvent(context, runtime, event))
  } catch (error) {
    if (isClosed()) throw error
    const why = error instanceof Error ? error.message : String(error)
    log.error({ instanceId: record.id, err: error }, 'machine could not be started')
    const reason = { code: 'Server.InternalError', message: `Server.InternalError: ${why}` }
    if (record.boot?.isFirst) recordState(context, record.id, 'shutting-down', { reason })
    else await releaseAfterStop(context, runtime, record, { reason })
    runtime.isDirty = true
    return undefined
  }
}

/** Gives a running instance another machine, which boots what its disks hold. */
export async function startAgain(
  context: DriverContext,
  runtime: InstanceRuntime,
  record: InstanceRecord,
): Promise<void> {
  const { rootReplacer } = context
  const renewed = renewBoot(context, record)
  const machine = await startMachine(context, runtime, renewed)
  if (machine) rootReplacer.complete(record.id)
  if (machine && !runtime.ending) takeOver(context, runtime, machine, renewed)
}

/** The step of a running instance that is to be rebooted: a new machine, or the guest reset in the present one. */
export async function reboot(context: DriverContext, runtime: InstanceRuntime, record: InstanceRecord): Promise<void> {
  const { store, launcher, rootReplacer, log, powerButton, isClosed } = context
  const { machine } = runtime
  if (machine) {
    const isDown = await powerButton.press(runtime, machine, context.rebootTimeoutMs)
    const present = store.instances.find(record.id)
    if (isClosed() || present?.state !== 'running') {
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
      watchBoot(context, runtime, renewBoot(context, record, consoleStart))
      runtime.isDirty = true
      return
    }
  }
  delete runtime.ending
  await startAgain(context, runtime, record)
}
