import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { ResourceRecord, Store } from '../ports/store.ts'
import { type CronTiming, nextTimeOf } from './cron-expression.ts'
import type { TimerRecord } from './timer.ts'

/**
 * Does things at their times, each time once. That a time has come is recorded before anything is begun for it, and that it has ended
 * afterwards: a daemon that was killed at any instant neither begins a second time nor forgets. Times that passed while there was no daemon,
 * or while the host slept, are made up for by one run.
 */
export interface Timekeeper {
  /** Keeps these times from now on, and no others; one whose times have changed begins anew. */
  keep(tasks: readonly TimedTask[]): void
  /** When something is done next; undefined when it is not kept. */
  nextRunOf(id: string): Date | undefined
  close(): void
}

/** Something that is done at set times. */
export interface TimedTask extends ResourceRecord, CronTiming {
  /** Whether a time that has passed, and a run that a daemon's end has interrupted, are made up for. */
  readonly isCaughtUp: boolean
  /** What it throws is logged. */
  readonly run: (due: DueTime) => Promise<void>
}

/** The time that something is done for. */
export interface DueTime {
  /** Of several that have passed the first. */
  readonly at: Date
  /** It has passed long since: the daemon was down, or the host slept. */
  readonly isLate: boolean
  /** When an earlier daemon has begun this very run, which it did not end. */
  readonly interruptedSince?: Date
}

/** What is told after what was done late; empty where it is done at its time. */
export function describeLateness({ at, isLate, interruptedSince }: DueTime): string {
  if (!isLate) return ''
  const time = `${at.toISOString().slice(0, 16)}Z`
  return interruptedSince ? `, to end what was interrupted at ${time}` : `, to make up for ${time}`
}

export interface TimekeeperDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  /** Begins the ids of its records: each keeper has its own. */
  readonly kind: string
}

/** What is done so long after its time is late. */
const lateMs = 60_000
/** A host that sleeps stops timers: the clock is looked at so often. */
const lookMs = 30_000
const leastMs = 100

export function createTimekeeper({ store, clock, log, kind }: TimekeeperDependencies): Timekeeper {
  const tasks = new Map<string, TimedTask>()
  const running = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  function keep(wanted: readonly TimedTask[]): void {
    if (isClosed) return
    tasks.clear()
    for (const task of wanted) tasks.set(recordIdOf(task.id), task)
    look()
  }

  /** Brings the records to what is kept, begins what is due, and looks again when the next is. */
  function look(): void {
    clearTimeout(timer)
    if (isClosed) return
    try {
      const begun = store.transaction(() => {
        keepRecords()
        return [...takeInterrupted(), ...takeDue()]
      })
      for (const [task, due] of begun) void run(task, due)
    } catch (error) {
      // Nothing was begun: it is tried again.
      log.warn({ kind, err: error }, 'what is due could not be begun')
    }
    const now = clock.now().getTime()
    const nextMs = Math.min(...listRecords().map(({ dueAt }) => Date.parse(dueAt) - now), lookMs)
    timer = setTimeout(look, Math.max(nextMs, leastMs))
    timer.unref()
  }

  function keepRecords(): void {
    for (const { id } of listRecords()) if (!tasks.has(id)) store.timers.remove(id)
    for (const [id, task] of tasks) keepRecord(id, task)
  }

  function listRecords(): TimerRecord[] {
    return store.timers.listAll().filter(({ id }) => id.startsWith(`${kind}/`))
  }

  function recordIdOf(id: string): string {
    return `${kind}/${id}`
  }

  function keepRecord(id: string, { accountId, region, cron, timeZone }: TimedTask): void {
    const present = store.timers.find(id)
    if (present?.cron === cron && present.timeZone === timeZone) return
    const timing = { cron, ...(timeZone === undefined ? {} : { timeZone }) }
    const record = { accountId, region, id, ...timing, dueAt: nextTimeOf(timing).toISOString() }
    if (present) store.timers.replace({ ...record, ...(present.begun ? { begun: present.begun } : {}) })
    else store.timers.insert(record)
  }

  /** What an earlier daemon began and did not end; it is not begun again where a later time has come meanwhile, which is due itself. */
  function takeInterrupted(): [TimedTask, DueTime][] {
    const found: [TimedTask, DueTime][] = []
    for (const record of listRecords()) {
      const task = tasks.get(record.id)
      if (!record.begun || !task || running.has(record.id)) continue
      if (!task.isCaughtUp || isDue(record)) {
        end(record.id)
        continue
      }
      const { begun } = record
      found.push([task, { at: new Date(begun.for), isLate: true, interruptedSince: new Date(begun.at) }])
    }
    return found
  }

  function isDue({ dueAt }: TimerRecord): boolean {
    return Date.parse(dueAt) <= clock.now().getTime()
  }

  function takeDue(): [TimedTask, DueTime][] {
    const due: [TimedTask, DueTime][] = []
    const now = clock.now()
    for (const [id, task] of tasks) {
      const record = store.timers.find(id)
      if (!record || !isDue(record)) continue
      const at = new Date(record.dueAt)
      const isLate = now.getTime() - at.getTime() > lateMs
      const isBegun = !running.has(id) && (task.isCaughtUp || !isLate)
      const dueAt = nextTimeOf(record).toISOString()
      store.timers.replace({
        ...record,
        dueAt,
        ...(isBegun ? { begun: { for: record.dueAt, at: now.toISOString() } } : {}),
      })
      if (isBegun) due.push([task, { at, isLate }])
      else log.info({ timer: id, dueAt: record.dueAt, isRunning: running.has(id) }, 'a time is left out')
    }
    return due
  }

  async function run(task: TimedTask, due: DueTime): Promise<void> {
    const id = recordIdOf(task.id)
    running.add(id)
    if (due.isLate) {
      const { at, interruptedSince } = due
      log.info({ timer: id, dueAt: at.toISOString(), interruptedSince }, 'a time that has passed is made up for')
    }
    try {
      await task.run(due)
    } catch (error) {
      log.error({ timer: id, err: error }, 'what was due has failed')
    }
    running.delete(id)
    // What the end of this daemon has interrupted is for the next one.
    if (!isClosed) endQuietly(id)
  }

  function endQuietly(id: string): void {
    try {
      store.transaction(() => end(id))
    } catch (error) {
      log.warn({ timer: id, err: error }, 'that a run has ended could not be recorded')
    }
  }

  function end(id: string): void {
    const record = store.timers.find(id)
    if (!record?.begun) return
    const { begun: _begun, ...rest } = record
    store.timers.replace(rest)
  }

  return {
    keep,
    nextRunOf: (id) => {
      const record = tasks.has(recordIdOf(id)) ? store.timers.find(recordIdOf(id)) : undefined
      return record && new Date(record.dueAt)
    },
    close: () => {
      isClosed = true
      clearTimeout(timer)
      tasks.clear()
    },
  }
}
