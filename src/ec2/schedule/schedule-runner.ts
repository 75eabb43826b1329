import cron, { type ScheduledTask } from 'node-cron'
import type { Logger } from 'pino'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import type { Store } from '../ports/store.ts'
import type { ScheduleRecord } from './schedule.ts'

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
  readonly log: Logger
  /** Does what the schedule says, as its account. */
  readonly run: (schedule: ScheduleRecord) => Promise<void>
}

export function createScheduleRunner({ store, log, run }: ScheduleRunnerDependencies): ScheduleRunner {
  const tasks = new Map<string, { text: string; task: ScheduledTask }>()

  function begin(schedule: ScheduleRecord): ScheduledTask {
    return cron.schedule(
      schedule.cron,
      async () => {
        try {
          await run(schedule)
        } catch (error) {
          const isRefused = error instanceof Ec2Error
          log.warn(
            { schedule: schedule.name, err: isRefused ? error.message : error },
            'schedule could not be carried out',
          )
        }
      },
      schedule.timeZone ? { timezone: schedule.timeZone } : {},
    )
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
      if (schedule.timeZone === undefined) return
      try {
        new Intl.DateTimeFormat('en', { timeZone: schedule.timeZone }).format()
      } catch {
        throw invalidParameterValue(
          'TimeZone',
          schedule.timeZone.slice(0, 100),
          'Expected an IANA name such as Europe/Berlin.',
        )
      }
    },
    refresh: () => {
      const recorded = new Map(store.schedules.listAll().map((schedule) => [schedule.id, schedule]))
      for (const [id, { text, task }] of tasks) {
        if (JSON.stringify(recorded.get(id)) === text) continue
        void task.destroy()
        tasks.delete(id)
      }
      for (const [id, schedule] of recorded) {
        if (!tasks.has(id)) tasks.set(id, { text: JSON.stringify(schedule), task: begin(schedule) })
      }
    },
    nextRunOf: (scheduleId) => tasks.get(scheduleId)?.task.getNextRun() ?? undefined,
    close: () => {
      for (const { task } of tasks.values()) void task.destroy()
      tasks.clear()
    },
  }
}
