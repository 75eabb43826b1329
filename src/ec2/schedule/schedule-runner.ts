import cron, { type ScheduledTask } from 'node-cron'
import type { Logger } from 'pino'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { Store } from '../ports/store.ts'
import type { ScheduleRecord } from './schedule.ts'
import { isTimeZone } from './time-zone.ts'

/** Starts and stops instances at the times that schedules name. */
export interface ScheduleRunner {
  /** Throws InvalidParameterValue for a cron expression or time zone that means nothing. */
  check(schedule: { cron: string; timeZone?: string | undefined }): void
  /** Brings the clocks to what is recorded: after a start, and after each change. */
  refresh(): void
  /** When a schedule runs next; undefined when it is not recorded. */
  nextRunOf(scheduleId: string): Date | undefined
  close(): void
}

export interface ScheduleRunnerDependencies {
  readonly store: Store
  readonly events: EventBus
  readonly log: Logger
  /** Starts or stops one of its instances, as its account. */
  readonly run: (schedule: ScheduleRecord, instanceId: string) => Promise<void>
}

export function createScheduleRunner({ store, events, log, run }: ScheduleRunnerDependencies): ScheduleRunner {
  const tasks = new Map<string, { text: string; task: ScheduledTask }>()

  function begin(schedule: ScheduleRecord): ScheduledTask {
    return cron.schedule(
      schedule.cron,
      () => carryOut(schedule),
      schedule.timeZone ? { timezone: schedule.timeZone } : {},
    )
  }

  /** One that cannot be started or stopped does not keep the others; a schedule whose instances are all gone goes too. */
  async function carryOut(schedule: ScheduleRecord): Promise<void> {
    const live = schedule.instanceIds.filter((id) => {
      const state = store.instances.find(id)?.state
      return state !== undefined && state !== 'terminated' && state !== 'shutting-down'
    })
    if (live.length === 0) {
      store.transaction(() => store.schedules.remove(schedule.id))
      refresh()
      tell(schedule, schedule.name, 'is deleted: none of its instances is left')
      return
    }
    await Promise.all(live.map((id) => carryOutFor(schedule, id)))
  }

  async function carryOutFor(schedule: ScheduleRecord, instanceId: string): Promise<void> {
    try {
      await run(schedule, instanceId)
      tell(schedule, instanceId, `is told to ${schedule.action}`)
    } catch (error) {
      const reason = error instanceof Ec2Error ? error.message : 'an internal error has occurred'
      log.warn({ schedule: schedule.name, instanceId, err: error }, 'schedule could not be carried out')
      tell(schedule, instanceId, `could not ${schedule.action}: ${reason}`)
    }
  }

  function tell(schedule: ScheduleRecord, resourceId: string, what: string): void {
    events.publish({
      kind: 'schedule',
      resourceId,
      message: `${resourceId} ${what}`,
      detail: { schedule: schedule.name },
    })
  }

  function refresh(): void {
    const recorded = new Map(store.schedules.listAll().map((schedule) => [schedule.id, schedule]))
    for (const [id, { text, task }] of tasks) {
      if (JSON.stringify(recorded.get(id)) === text) continue
      void task.destroy()
      tasks.delete(id)
    }
    for (const [id, schedule] of recorded) {
      if (!tasks.has(id)) tasks.set(id, { text: JSON.stringify(schedule), task: begin(schedule) })
    }
  }

  return {
    check: (schedule) => {
      if (schedule.cron.trim().split(/\s+/).length !== 5 || !cron.validate(schedule.cron)) {
        throw invalidParameterValue(
          'Cron',
          schedule.cron.slice(0, 100),
          'Expected five fields: minute hour day month weekday.',
        )
      }
      if (schedule.timeZone === undefined || isTimeZone(schedule.timeZone)) return
      throw invalidParameterValue(
        'TimeZone',
        schedule.timeZone.slice(0, 100),
        'Expected an IANA name such as Europe/Berlin.',
      )
    },
    refresh,
    nextRunOf: (scheduleId) => tasks.get(scheduleId)?.task.getNextRun() ?? undefined,
    close: () => {
      for (const { task } of tasks.values()) void task.destroy()
      tasks.clear()
    },
  }
}
