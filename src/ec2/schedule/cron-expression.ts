import cron, { type ScheduledTask } from 'node-cron'

/** Times that come again and again. */
export interface CronTiming {
  /** Five fields, as in cron(8). */
  readonly cron: string
  /** IANA name; the host's own when absent. */
  readonly timeZone?: string
}

/** What is said of one that is none. */
export const cronExpressionError = 'expected five fields: minute hour day month weekday'

/** Whether it has five fields, as in cron(8), and a time that ever comes: not 29 February on a first Monday. */
export function isCronExpression(text: string): boolean {
  if (text.trim().split(/\s+/).length !== 5 || !cron.validate(text)) return false
  try {
    nextTimeOf({ cron: text })
    return true
  } catch {
    return false
  }
}

/** When it is time next, from now on. */
export function nextTimeOf(timing: CronTiming): Date {
  return readTiming(timing, (task) => task.getNextRuns(1)[0] as Date)
}

const minuteMs = 60_000
/** Local clocks differ from UTC by whole quarters of an hour. */
const quarterMinutes = 15

/** The last time in an interval; undefined when there is none. */
export function lastTimeWithin(timing: CronTiming, { after, until }: { after: Date; until: Date }): Date | undefined {
  const quarterPositions = new Set(cron.parse(timing.cron).minute.map((minute) => minute % quarterMinutes))
  return readTiming(timing, (task) => {
    const newest = Math.floor(until.getTime() / minuteMs) * minuteMs
    for (let timeMs = newest; timeMs > after.getTime(); timeMs -= minuteMs) {
      if (!quarterPositions.has((timeMs / minuteMs) % quarterMinutes)) continue
      const time = new Date(timeMs)
      if (task.match(time)) return time
    }
    return undefined
  })
}

/** node-cron tells times by tasks only, and keeps each until it is destroyed. */
function readTiming<Answer>({ cron: expression, timeZone }: CronTiming, read: (task: ScheduledTask) => Answer): Answer {
  const task = cron.createTask(expression, () => undefined, timeZone === undefined ? {} : { timezone: timeZone })
  try {
    return read(task)
  } finally {
    void task.destroy()
  }
}
