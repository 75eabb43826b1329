import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Ec2Error } from '../../../../src/ec2/errors.ts'
import { createEventBus } from '../../../../src/ec2/event/event-bus.ts'
import type { Pipeline, PipelineBuildRecord } from '../../../../src/ec2/pipeline/pipeline.ts'
import { createPipelineClock, type PipelineClock } from '../../../../src/ec2/pipeline/pipeline-clock.ts'
import { findPipelineRecord, savePipelineRecord } from '../../../../src/ec2/pipeline/pipeline-record.ts'
import type { Store } from '../../../../src/ec2/ports/store.ts'
import { systemClock } from '../../../../src/host/clock.ts'
import { openStore } from '../../../../src/store/store.ts'

const scope = { accountId: '123456789012', region: 'us-east-1' }

let directory: string
let store: Store
let clock: PipelineClock
/** The pipelines of files. */
let files: Map<string, Partial<Pipeline>>
let ran: string[]
/** Builds that are not begun by the end of the daemon. */
let isHanging: boolean

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-pipeline-clock-'))
  vi.useFakeTimers({ now: new Date('2026-03-02T17:58:30Z') })
  store = openStore(join(directory, 'kiln.db'))
  files = new Map()
  ran = []
  isHanging = false
  clock = makeClock()
})
afterEach(async () => {
  clock.close()
  store.close()
  vi.useRealTimers()
  await rm(directory, { recursive: true, force: true })
})

function makeClock(): PipelineClock {
  return createPipelineClock({
    store,
    clock: systemClock,
    events: createEventBus({ store, clock: systemClock }),
    log: pino({ level: 'silent' }),
    library: {
      list: async () =>
        [...files].map(([name, definition]) => ({
          name,
          source: name,
          definition: { name, ...definition } as Pipeline,
        })),
      load: () => Promise.reject(new Error('not asked for')),
      check: () => Promise.reject(new Error('not asked for')),
    },
    home: scope,
    run: async ({ region }, name) => {
      ran.push(`${new Date().toISOString().slice(0, 16)} ${name} in ${region}`)
      if (name === 'bad') throw new Ec2Error('IncorrectState', 'it is being built')
      if (isHanging) await new Promise(() => undefined)
      return 'is unchanged since build 1'
    },
  })
}

/** A daemon ends, and the next one begins later. */
async function restart(sleepMs: number): Promise<void> {
  clock.close()
  vi.setSystemTime(Date.now() + sleepMs)
  clock = makeClock()
  await clock.start()
  await vi.advanceTimersByTimeAsync(0)
}

function schedule(cron: string, isCaughtUp = true, timeZone = 'Europe/Berlin') {
  return { schedule: { cron, timeZone, isCaughtUp } }
}

test('looks at a pipeline at its time, in its time zone and region, and tells what came of it', async () => {
  files.set('web', schedule('0 19 * * *'))
  files.set('bad', { ...schedule('1 19 * * *'), region: 'eu-west-1' })
  await clock.start()
  expect(clock.nextRunOf(scope, 'web')?.toISOString()).toBe('2026-03-02T18:00:00.000Z')
  await vi.advanceTimersByTimeAsync(600_000)
  expect(ran).toEqual(['2026-03-02T18:00 web in us-east-1', '2026-03-02T18:01 bad in eu-west-1'])
  expect(store.events.after(scope.accountId, 0, 100).map(({ message }) => message)).toEqual([
    'pipeline web is unchanged since build 1',
    'pipeline bad could not be built: it is being built',
  ])
})

test('follows files that come, change and go while the daemon runs', async () => {
  await clock.start()
  files.set('web', schedule('* * * * *'))
  await vi.advanceTimersByTimeAsync(180_000)
  const before = ran.length
  expect(before).toBeGreaterThan(0)
  files.set('web', schedule('0 0 1 1 *'))
  await vi.advanceTimersByTimeAsync(60_000)
  const after = ran.length
  await vi.advanceTimersByTimeAsync(600_000)
  expect(ran).toHaveLength(after)
  files.clear()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(clock.nextRunOf(scope, 'web')).toBeUndefined()
})

test('does not follow the schedule of one that is disabled', async () => {
  files.set('web', schedule('0 19 * * *'))
  const record = findPipelineRecord(store, scope, 'web')
  store.transaction(() => savePipelineRecord(store, { ...record, isDisabled: true }))
  await clock.start()
  await vi.advanceTimersByTimeAsync(600_000)
  expect(ran).toEqual([])
})

test('makes up once for the times that passed while there was no daemon, but where that is not wanted', async () => {
  files.set('web', schedule('0 19 * * *'))
  files.set('lazy', schedule('0 19 * * *', false))
  await clock.start()
  await restart(60_000)
  expect(ran).toEqual([])
  await restart(3 * 24 * 3_600_000)
  expect(ran).toEqual(['2026-03-05T17:59 web in us-east-1'])
  expect(store.events.after(scope.accountId, 0, 100).map(({ message }) => message)).toEqual([
    'pipeline web is unchanged since build 1, to make up for 2026-03-02T18:00Z',
  ])
  await restart(0)
  expect(ran).toHaveLength(1)
})

test('begins no second build for a time when a daemon is killed right after it has begun one', async () => {
  files.set('web', schedule('0 19 * * *'))
  isHanging = true
  await clock.start()
  await vi.advanceTimersByTimeAsync(120_000)
  await restart(60_000)
  // That one was killed before a build was begun.
  expect(ran).toEqual(['2026-03-02T18:00 web in us-east-1', '2026-03-02T18:01 web in us-east-1'])
  store.transaction(() => {
    const build = { id: 'task-1', pipeline: 'web', cause: 'schedule', startedAt: new Date().toISOString() }
    store.pipelineBuilds.insert({ ...scope, ...build } as PipelineBuildRecord)
  })
  await restart(60_000)
  expect(ran).toHaveLength(2)
})
