import type { MachineEvent } from '../ports/machine.ts'
import { watchBoot } from './boot-watch.ts'
import type { DriverContext } from './driver-context.ts'
import { renewBoot } from './renew-boot.ts'
import type { InstanceRuntime } from './runtime.ts'

/** Takes what a machine tells of itself into its runtime; what must be done about it is the driver's next step. */
export function takeMachineEvent(context: DriverContext, runtime: InstanceRuntime, event: MachineEvent): void {
  const { log, events, diskPause, wake } = context
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
      followReboot(context, runtime).catch((error: unknown) =>
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
async function followReboot(context: DriverContext, runtime: InstanceRuntime): Promise<void> {
  const { store, launcher, isClosed } = context
  const consoleStart = await launcher.consoleSize(runtime.id)
  const record = store.instances.find(runtime.id)
  if (isClosed() || !runtime.machine || record?.state !== 'running') return
  watchBoot(context, runtime, renewBoot(context, record, consoleStart))
}
