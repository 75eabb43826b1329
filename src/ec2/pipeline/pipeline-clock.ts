import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { Ec2Error } from '../errors.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { Scope, Store } from '../ports/store.ts'
import { createTimekeeper, describeLateness, type DueTime } from '../schedule/timekeeper.ts'
import { buildsOf, findPipelineRecord } from './pipeline-record.ts'
import type { Pipeline } from './pipeline.ts'
import type { PipelineLibrary } from './pipeline-library.ts'

/** Begins builds at the times that pipelines name. */
export interface PipelineClock {
  /** Follows the schedules from now on. A time that passed while there was no daemon is made up for, unless the pipeline wants it not. */
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

/** One whose schedule is followed, where it is built. */
interface ScheduledPipeline {
  readonly scope: Scope
  /** Of its record. */
  readonly id: string
  readonly name: string
  readonly schedule: NonNullable<Pipeline['schedule']>
}

export function createPipelineClock(dependencies: PipelineClockDependencies): PipelineClock {
  const { store, clock, events, log, library, home, run } = dependencies
  const timekeeper = createTimekeeper({ store, clock, log, kind: 'pipeline' })
  let timer: NodeJS.Timeout | undefined

  async function carryOut(scope: Scope, name: string, due: DueTime): Promise<void> {
    if (hasBegunBuild(scope, name, due)) return
    try {
      tell(scope, name, `${await run(scope, name)}${describeLateness(due)}`)
    } catch (error) {
      const reason = error instanceof Ec2Error ? error.message : 'an internal error has occurred'
      log.warn({ pipeline: name, err: error }, 'scheduled build could not begin')
      tell(scope, name, `could not be built: ${reason}`)
    }
  }

  /** Whether the daemon that was interrupted had begun the build already: that has failed, and is tried again at the next time. */
  function hasBegunBuild(scope: Scope, name: string, { interruptedSince }: DueTime): boolean {
    if (!interruptedSince) return false
    const since = interruptedSince.toISOString()
    return buildsOf(store, scope, name).some(({ cause, startedAt }) => cause === 'schedule' && startedAt >= since)
  }

  function tell(scope: Scope, name: string, what: string): void {
    const resourceId = findPipelineRecord(store, scope, name).id
    events.publish({ kind: 'pipeline', resourceId, message: `pipeline ${name} ${what}`, detail: { pipeline: name } })
  }

  async function listScheduled(): Promise<ScheduledPipeline[]> {
    const scopes = new Map<string, Scope>()
    const add = ({ accountId, region }: Scope) => scopes.set(`${accountId}/${region}`, { accountId, region })
    add(home)
    for (const record of store.pipelines.listAll()) if (record.put) add(record)
    const found: ScheduledPipeline[] = []
    for (const scope of scopes.values()) {
      for (const { name, definition } of await library.list(scope)) {
        if ('problem' in definition) continue
        const { schedule } = definition
        if (!schedule) continue
        const isPut = findPipelineRecord(store, scope, name).put !== undefined
        // A file is everybody's to build, but its schedule runs once.
        if (!isPut && scope.accountId + scope.region !== home.accountId + home.region) continue
        const place = isPut ? scope : { ...scope, region: definition.region ?? scope.region }
        const { id, isDisabled } = findPipelineRecord(store, place, name)
        if (!isDisabled) found.push({ scope: place, id, name, schedule })
      }
    }
    return found
  }

  async function refresh(): Promise<void> {
    const scheduled = await listScheduled()
    timekeeper.keep(
      scheduled.map(({ scope, id, name, schedule }) => ({
        ...scope,
        id,
        ...schedule,
        run: (due) => carryOut(scope, name, due),
      })),
    )
  }

  return {
    start: async () => {
      await refresh()
      timer = setInterval(() => {
        refresh().catch((error: unknown) => log.warn({ err: error }, 'pipelines could not be read'))
      }, refreshMs)
      timer.unref()
    },
    refresh,
    nextRunOf: (scope, name) => timekeeper.nextRunOf(findPipelineRecord(store, scope, name).id),
    close: () => {
      clearInterval(timer)
      timekeeper.close()
    },
  }
}
