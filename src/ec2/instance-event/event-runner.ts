import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { InstanceDriver } from '../instance/driver.ts'
import { instanceStateCodes, type InstanceRecord, type InstanceState } from '../instance/instance.ts'
import { recordState, type StateChange } from '../instance/state-machine.ts'
import type { Store } from '../ports/store.ts'
import { spotTermination } from '../spot/spot-interrupter.ts'
import { type InstanceEvent, withEndedEvents } from './instance-event.ts'

/** Does to instances what was scheduled for them, at its time. The events are in the records: they outlive the daemon. */
export interface EventRunner {
  /** Brings the timers to what is recorded: after a start, and after each change of an event. */
  refresh(): void
  close(): void
}

/** What EC2 says of an instance that it stopped. */
const scheduledStop: StateChange = {
  reason: { code: 'Server.ScheduledStop', message: 'Server.ScheduledStop: Stopped due to a scheduled retirement' },
}
/** A timer's own limit is some 24 days. */
const longestTimerMs = 24 * 3600 * 1000

export function createEventRunner(dependencies: {
  store: Store
  clock: Clock
  events: EventBus
  instances: Pick<InstanceDriver, 'wake'>
  log: Logger
}): EventRunner {
  const { store, clock, instances, log } = dependencies
  let timer: NodeJS.Timeout | undefined

  function refresh(): void {
    clearTimeout(timer)
    timer = undefined
    const times = activeEvents().map(({ event }) => dueTimeOf(event))
    if (times.length === 0) return
    const delayMs = Math.min(...times) - clock.now().getTime()
    timer = setTimeout(runDue, Math.min(Math.max(0, delayMs), longestTimerMs))
  }

  function activeEvents(): { instance: InstanceRecord; event: InstanceEvent }[] {
    const states = (Object.keys(instanceStateCodes) as InstanceState[]).filter((state) => state !== 'terminated')
    return states
      .flatMap((state) => store.instances.listBy('state', state))
      .flatMap((instance) =>
        (instance.events ?? []).filter(({ state }) => state === 'active').map((event) => ({ instance, event })),
      )
  }

  function runDue(): void {
    const now = clock.now()
    for (const { instance, event } of activeEvents()) {
      if (dueTimeOf(event) > now.getTime()) continue
      try {
        const isDriven = store.transaction(() => carryOut(instance.id, event, now))
        if (isDriven) instances.wake(instance.id)
      } catch (error) {
        log.error(
          { instanceId: instance.id, eventId: event.id, err: error },
          'scheduled event could not be carried out',
        )
      }
    }
    refresh()
  }

  /** Whether the machine is to be driven. */
  function carryOut(instanceId: string, { id: eventId, code }: InstanceEvent, now: Date): boolean {
    const instance = store.instances.find(instanceId)
    if (!instance) return false
    const over = withEndedEvents(instance, 'completed', now, ({ id }) => id === eventId)
    const isReboot = code === 'instance-reboot' || code === 'system-reboot'
    if (isReboot && instance.state === 'running') {
      store.instances.replace({ ...over, request: { isReboot: true } })
      return true
    }
    store.instances.replace(over)
    if (isReboot || code === 'system-maintenance') return false
    return instance.spot
      ? recordState(dependencies, instanceId, 'shutting-down', spotTermination) !== undefined
      : recordState(dependencies, instanceId, 'stopping', scheduledStop) !== undefined
  }

  return { refresh, close: () => clearTimeout(timer) }
}

/** Maintenance does nothing to an instance here: it is over when its time is. */
function dueTimeOf({ code, notBefore, notAfter }: InstanceEvent): number {
  return Date.parse(code === 'system-maintenance' ? notAfter : notBefore)
}
