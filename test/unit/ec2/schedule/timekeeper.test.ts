import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Store } from '../../../../src/ec2/ports/store.ts'
import {
  createTimekeeper,
  type DueTime,
  type TimedTask,
  type Timekeeper,
} from '../../../../src/ec2/schedule/timekeeper.ts'
import { systemClock } from '../../../../src/host/clock.ts'
import { openStore } from '../../../../src/store/store.ts'

const hourMs = 3_600_000
const nightly = { accountId: '123456789012', region: 'us-east-1', id: 'nightly', cron: '0 3 * * *', timeZone: 'UTC' }

let directory: string
let store: Store
let keeper: Timekeeper
let ran: string[]
/** Runs that do not end. */
let isHanging: boolean

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-timekeeper-'))
  vi.useFakeTimers({ now: new Date('2026-03-02T02:30:00Z') })
  store = openStore(join(directory, 'kiln.db'))
  ran = []
  isHanging = false
  keeper = makeKeeper(store)
})
afterEach(async () => {
  keeper.close()
  store.close()
  vi.useRealTimers()
  await rm(directory, { recursive: true, force: true })
})

function makeKeeper(withStore: Store): Timekeeper {
  return createTimekeeper({ store: withStore, clock: systemClock, log: pino({ level: 'silent' }), kind: 'test' })
}

function taskOf(change: Partial<TimedTask> = {}): TimedTask {
  return { ...nightly, isCaughtUp: true, run, ...change }
}

async function run({ at, isLate, interruptedSince }: DueTime): Promise<void> {
  const how = interruptedSince ? ` begun ${interruptedSince.toISOString().slice(0, 16)}` : isLate ? ' late' : ''
  ran.push(`${new Date().toISOString().slice(0, 16)} for ${at.toISOString().slice(0, 16)}${how}`)
  if (isHanging) await new Promise(() => undefined)
}

/** Nothing is recorded when a keeper is closed: for the next one it was killed at this instant. */
async function killAndStartAfter(downMs: number, ...tasks: TimedTask[]): Promise<void> {
  keeper.close()
  vi.setSystemTime(Date.now() + downMs)
  keeper = makeKeeper(store)
  keeper.keep(tasks)
  await vi.advanceTimersByTimeAsync(0)
}

test('does a thing at each of its times', async () => {
  keeper.keep([taskOf()])
  expect(keeper.nextRunOf('nightly')?.toISOString()).toBe('2026-03-02T03:00:00.000Z')
  await vi.advanceTimersByTimeAsync(25 * hourMs)
  expect(ran).toEqual(['2026-03-02T03:00 for 2026-03-02T03:00', '2026-03-03T03:00 for 2026-03-03T03:00'])
})

test('makes up once for all times that passed while there was no daemon, and goes on with the next', async () => {
  keeper.keep([taskOf()])
  await killAndStartAfter(50 * hourMs, taskOf())
  expect(ran).toEqual(['2026-03-04T04:30 for 2026-03-02T03:00 late'])
  await killAndStartAfter(hourMs, taskOf())
  expect(ran).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(24 * hourMs)
  expect(ran.slice(1)).toEqual(['2026-03-05T03:00 for 2026-03-05T03:00'])
})

test('leaves out what passed where that is wanted', async () => {
  const task = taskOf({ isCaughtUp: false })
  keeper.keep([task])
  await killAndStartAfter(50 * hourMs, task)
  expect(ran).toEqual([])
  expect(keeper.nextRunOf('nightly')?.toISOString()).toBe('2026-03-05T03:00:00.000Z')
})

test('hands what the end of a daemon interrupted to the next one, until it has ended', async () => {
  isHanging = true
  keeper.keep([taskOf()])
  await vi.advanceTimersByTimeAsync(hourMs)
  await killAndStartAfter(hourMs, taskOf())
  isHanging = false
  await killAndStartAfter(hourMs, taskOf())
  await killAndStartAfter(hourMs, taskOf())
  expect(ran).toEqual([
    '2026-03-02T03:00 for 2026-03-02T03:00',
    '2026-03-02T04:30 for 2026-03-02T03:00 begun 2026-03-02T03:00',
    '2026-03-02T05:30 for 2026-03-02T03:00 begun 2026-03-02T03:00',
  ])
})

test('does not end what was interrupted when a later time has come: that is one run', async () => {
  isHanging = true
  keeper.keep([taskOf()])
  await vi.advanceTimersByTimeAsync(hourMs)
  await killAndStartAfter(24 * hourMs, taskOf())
  expect(ran.slice(1)).toEqual(['2026-03-03T03:30 for 2026-03-03T03:00 late'])
})

test('knows nothing of times before a timing was changed', async () => {
  keeper.keep([taskOf()])
  await killAndStartAfter(50 * hourMs, taskOf({ cron: '0 4 * * *' }))
  expect(ran).toEqual([])
  expect(keeper.nextRunOf('nightly')?.toISOString()).toBe('2026-03-05T04:00:00.000Z')
})

test('forgets what is no longer kept', async () => {
  keeper.keep([taskOf()])
  keeper.keep([])
  await killAndStartAfter(50 * hourMs, taskOf())
  expect(ran).toEqual([])
})

test('makes up for what passed while the host slept', async () => {
  keeper.keep([taskOf()])
  vi.setSystemTime(new Date('2026-03-02T09:00:00Z'))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ran).toEqual([expect.stringMatching(/^2026-03-02T09:00 for 2026-03-02T03:00 late$/)])
})

test('leaves out a time while the run before goes on', async () => {
  isHanging = true
  keeper.keep([taskOf()])
  await vi.advanceTimersByTimeAsync(50 * hourMs)
  expect(ran).toHaveLength(1)
})

test('begins nothing that it cannot record, and tries again', async () => {
  let isFull = true
  const transaction: Store['transaction'] = (work) => {
    if (isFull) throw new Error('database or disk is full')
    return store.transaction(work)
  }
  keeper.keep([taskOf()])
  keeper.close()
  keeper = makeKeeper({ ...store, transaction })
  keeper.keep([taskOf()])
  await vi.advanceTimersByTimeAsync(hourMs)
  expect(ran).toEqual([])
  isFull = false
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ran).toEqual([expect.stringContaining('for 2026-03-02T03:00 late')])
})
