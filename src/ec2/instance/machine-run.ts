import type { DriverContext } from './driver-context.ts'
import type { InstanceRecord } from './instance.ts'
import { changeForEnding } from './machine-ending.ts'
import { reboot, startAgain } from './machine-start.ts'
import { releaseAfterStop } from './machine-stop.ts'
import type { InstanceRuntime } from './runtime.ts'
import { recordState } from './state-machine.ts'

/** Longer than the five seconds for which Linux lets the button of a PCIe slot take back what it has asked for. */
const askAgainMs = 10_000

/** The step of a running instance: its devices become what their records ask for; a machine that has ended by itself is dealt with. */
export async function watchRunning(
  context: DriverContext,
  runtime: InstanceRuntime,
  record: InstanceRecord,
): Promise<void> {
  const { drives, interfaces, rootReplacer } = context
  if (await rootReplacer.prepare(record.id)) {
    runtime.isDirty = true
    return
  }
  const isRebootDue = record.request?.isReboot || rootReplacer.isWaiting(record.id)
  if (isRebootDue || (!runtime.machine && rootReplacer.isReplaced(record.id)))
    return await reboot(context, runtime, record)
  if (!runtime.machine) return await dealWithEnding(context, runtime, record)
  rootReplacer.complete(record.id)
  const isDriveWaiting = await drives.converge(runtime.machine, record.id)
  const isInterfaceWaiting = await interfaces.converge(runtime.machine, record.id)
  if (isDriveWaiting || isInterfaceWaiting) void wakeLater(context, runtime)
}

/** Once for all that waits. */
async function wakeLater(context: DriverContext, runtime: InstanceRuntime): Promise<void> {
  const { clock, isClosed, wake } = context
  if (runtime.isToBeWoken) return
  runtime.isToBeWoken = true
  await clock.sleep(askAgainMs)
  runtime.isToBeWoken = false
  if (!isClosed()) wake(runtime.id)
}

/** The machine of a running instance has ended by itself. */
async function dealWithEnding(context: DriverContext, runtime: InstanceRuntime, record: InstanceRecord): Promise<void> {
  const { events } = context
  const { ending } = runtime
  delete runtime.ending
  if (ending?.isBetweenMachines) return await startAgain(context, runtime, record)
  if (ending?.isHostRebooted && context.startAfterHostReboot && record.autoRecovery === 'default') {
    return await startAgain(context, runtime, record)
  }
  const change = changeForEnding(ending)
  if (ending?.isClean && record.shutdownBehavior === 'terminate') {
    recordState(context, record.id, 'shutting-down', change)
    runtime.isDirty = true
    return
  }
  if (!ending?.isClean) {
    events.publish({ kind: 'instance-problem', resourceId: record.id, message: change.reason?.message ?? 'ended' })
  }
  await releaseAfterStop(context, runtime, record, change)
}
