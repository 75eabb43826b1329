import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { Store } from '../ports/store.ts'
import { isCronExpression, lastTimeWithin, nextTimeOf } from './cron-expression.ts'
import type { ScheduleRecord } from './schedule.ts'
import { isTimeZone } from './time-zone.ts'
import { createTimekeeper, describeLateness, type DueTime } from './timekeeper.ts'

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
  readonly clock: Clock
  readonly events: EventBus
  readonly log: Logger
  /** Starts or stops one of its instances, as its account. */
  readonly run: (schedule: ScheduleRecord, instanceId: string) => Promise<void>
}

export function createScheduleRunner({ store, clock, events, log, run }: ScheduleRunnerDependencies): ScheduleRunner {
  const timekeeper = createTimekeeper({ store, clock, log, kind: 'schedule' })

  /** One that cannot be started or stopped does not keep the others; a schedule whose instances are all gone goes too. */
  async function carryOut(schedule: ScheduleRecord, due: DueTime): Promise<void> {
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
    const wanted = due.isLate ? live.filter((id) => !isOvertaken(schedule, id, due)) : live
    await Promise.all(wanted.map((id) => carryOutFor(schedule, id, due)))
  }

  /** Whether another schedule has had its time for the instance after this one had: of what was missed, only the last is made up for. */
  function isOvertaken(schedule: ScheduleRecord, instanceId: string, { at }: DueTime): boolean {
    const until = clock.now()
    const last = lastTimeWithin(schedule, { after: new Date(at.getTime() - 1), until }) ?? at
    return store.schedules
      .list(schedule)
      .some(
        (other) =>
          other.id !== schedule.id &&
          other.instanceIds.includes(instanceId) &&
          lastTimeWithin(other, { after: last, until }) !== undefined,
      )
  }

  async function carryOutFor(schedule: ScheduleRecord, instanceId: string, due: DueTime): Promise<void> {
    try {
      await run(schedule, instanceId)
      tell(schedule, instanceId, `is told to ${schedule.action}${describeLateness(due)}`)
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
    timekeeper.keep(
      store.schedules.listAll().map((schedule) => ({
        ...schedule,
        isCaughtUp: true,
        run: (due) => carryOut(schedule, due),
      })),
    )
  }

  return {
    check: (schedule) => {
      if (!isCronExpression(schedule.cron)) {
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
    nextRunOf: (scheduleId) => {
      const schedule = store.schedules.find(scheduleId)
      return schedule && nextTimeOf(schedule)
    },
    close: () => timekeeper.close(),
  }
}
