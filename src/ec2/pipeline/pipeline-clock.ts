import cron, { type ScheduledTask } from 'node-cron'
import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { Ec2Error } from '../errors.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { Scope, Store } from '../ports/store.ts'
import { findPipelineRecord, savePipelineRecord } from './pipeline-record.ts'
import type { Pipeline } from './pipeline.ts'
import type { PipelineLibrary } from './pipeline-library.ts'

/** Begins builds at the times that pipelines name. */
export interface PipelineClock {
  /** Follows the schedules from now on; those that ask for it make up for a time that passed while there was no daemon. */
  start(): Promise<void>
  /** Brings the clocks to what files and records say. */
  refresh(): Promise<void>
  /** When a pipeline is looked at next; undefined when it has no schedule, or is disabled. */
  nextRunOf(scope: Scope, name: string): Date | undefined
  close(): void
}

export interface PipelineClockDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly events: EventBus
  readonly log: Logger
  readonly library: PipelineLibrary
  /** Whose the pipelines of files are. */
  readonly home: Scope
  /** Begins a build unless nothing has changed; answers what came of that, for a person. */
  readonly run: (scope: Scope, name: string) => Promise<string>
}

/** How often the files are looked at. */
const refreshMs = 60_000

interface RunningClock {
  readonly text: string
  readonly task: ScheduledTask
}

export function createPipelineClock(dependencies: PipelineClockDependencies): PipelineClock {
  const { store, clock, events, log, library, home, run } = dependencies
  const clocks = new Map<string, RunningClock>()
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  async function carryOut(scope: Scope, name: string): Promise<void> {
    try {
      tell(scope, name, await run(scope, name))
    } catch (error) {
      const reason = error instanceof Ec2Error ? error.message : 'an internal error has occurred'
      log.warn({ pipeline: name, err: error }, 'scheduled build could not begin')
      tell(scope, name, `could not be built: ${reason}`)
    }
    rememberNextRun(scope, name)
  }

  function tell(scope: Scope, name: string, what: string): void {
    const resourceId = findPipelineRecord(store, scope, name).id
    events.publish({ kind: 'pipeline', resourceId, message: `pipeline ${name} ${what}`, detail: { pipeline: name } })
  }

  function rememberNextRun(scope: Scope, name: string): void {
    const nextRunAt = nextRunOf(scope, name)?.toISOString()
    if (nextRunAt === undefined || isClosed) return
    store.transaction(() => {
      const record = findPipelineRecord(store, scope, name)
      if (record.nextRunAt !== nextRunAt) savePipelineRecord(store, { ...record, nextRunAt })
    })
  }

  function nextRunOf(scope: Scope, name: string): Date | undefined {
    return clocks.get(findPipelineRecord(store, scope, name).id)?.task.getNextRun() ?? undefined
  }

  /** Every pipeline with a schedule that is followed, where it is built. */
  async function listScheduled(): Promise<{ scope: Scope; pipeline: Pipeline; missedSince?: string }[]> {
    const scopes = new Map<string, Scope>()
    const add = ({ accountId, region }: Scope) => scopes.set(`${accountId}/${region}`, { accountId, region })
    add(home)
    for (const record of store.pipelines.listAll()) if (record.put) add(record)
    const found: { scope: Scope; pipeline: Pipeline; missedSince?: string }[] = []
    for (const scope of scopes.values()) {
      for (const { name, definition } of await library.list(scope)) {
        if ('problem' in definition || !definition.schedule) continue
        const isPut = findPipelineRecord(store, scope, name).put !== undefined
        // A file is everybody's to build, but its schedule runs once.
        if (!isPut && scope.accountId + scope.region !== home.accountId + home.region) continue
        const place = isPut ? scope : { ...scope, region: definition.region ?? scope.region }
        const { isDisabled, nextRunAt } = findPipelineRecord(store, place, name)
        if (isDisabled) continue
        found.push({ scope: place, pipeline: definition, ...(nextRunAt ? { missedSince: nextRunAt } : {}) })
      }
    }
    return found
  }

  async function refresh(): Promise<void> {
    arm(await listScheduled())
  }

  function arm(scheduled: readonly { scope: Scope; pipeline: Pipeline }[]): void {
    if (isClosed) return
    const wanted = new Map(
      scheduled.map((one) => [findPipelineRecord(store, one.scope, one.pipeline.name).id, one] as const),
    )
    for (const [id, { text, task }] of clocks) {
      const one = wanted.get(id)
      if (one && JSON.stringify(one.pipeline.schedule) === text) continue
      void task.destroy()
      clocks.delete(id)
    }
    for (const [id, { scope, pipeline }] of wanted) {
      const { schedule, name } = pipeline
      if (clocks.has(id) || !schedule) continue
      const options = schedule.timeZone ? { timezone: schedule.timeZone } : {}
      const task = cron.schedule(schedule.cron, () => carryOut(scope, name), options)
      clocks.set(id, { text: JSON.stringify(schedule), task })
      rememberNextRun(scope, name)
    }
  }

  return {
    start: async () => {
      const scheduled = await listScheduled()
      const now = clock.now().toISOString()
      const missed = scheduled.filter(
        ({ pipeline, missedSince }) => pipeline.schedule?.isCaughtUp && missedSince !== undefined && missedSince < now,
      )
      arm(scheduled)
      timer = setInterval(() => {
        refresh().catch((error: unknown) => log.warn({ err: error }, 'pipelines could not be read'))
      }, refreshMs)
      timer.unref()
      for (const { scope, pipeline } of missed) void carryOut(scope, pipeline.name)
    },
    refresh,
    nextRunOf,
    close: () => {
      isClosed = true
      clearInterval(timer)
      for (const { task } of clocks.values()) void task.destroy()
      clocks.clear()
    },
  }
}
