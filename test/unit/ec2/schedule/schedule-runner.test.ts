import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Ec2Error } from '../../../../src/ec2/errors.ts'
import { createEventBus } from '../../../../src/ec2/event/event-bus.ts'
import { createScheduleRunner, type ScheduleRunner } from '../../../../src/ec2/schedule/schedule-runner.ts'
import type { InstanceRecord } from '../../../../src/ec2/instance/instance.ts'
import type { Store } from '../../../../src/ec2/ports/store.ts'
import { systemClock } from '../../../../src/host/clock.ts'
import { openStore } from '../../../../src/store/store.ts'

const scope = { accountId: '123456789012', region: 'us-east-1' }

let directory: string
let store: Store
let runner: ScheduleRunner
let ran: string[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-schedule-'))
  vi.useFakeTimers({ now: new Date('2026-03-02T17:58:30Z') })
  store = openStore(join(directory, 'kiln.db'))
  ran = []
  runner = makeRunner()
})
afterEach(async () => {
  runner.close()
  store.close()
  vi.useRealTimers()
  await rm(directory, { recursive: true, force: true })
})

function makeRunner(): ScheduleRunner {
  return createScheduleRunner({
    store,
    clock: systemClock,
    events: createEventBus({ store, clock: systemClock }),
    log: pino({ level: 'silent' }),
    run: async ({ action }, instanceId) => {
      ran.push(`${new Date().toISOString()} ${action} ${instanceId}`)
      if (instanceId === 'i-bad') throw new Ec2Error('IncorrectInstanceState', 'not now')
    },
  })
}

function addInstance(id: string, state: InstanceRecord['state'] = 'running'): void {
  store.transaction(() => store.instances.insert({ ...scope, id, state, reservationId: 'r' } as InstanceRecord))
}

function addSchedule(instanceIds: string[], cron: string, timeZone?: string, action: 'start' | 'stop' = 'stop'): void {
  const name = action === 'stop' ? 'evening' : 'morning'
  store.transaction(() =>
    store.schedules.insert({
      ...scope,
      id: name,
      name,
      instanceIds,
      action,
      cron,
      ...(timeZone ? { timeZone } : {}),
    }),
  )
  runner.refresh()
}

function messages(): string[] {
  return store.events.after(scope.accountId, 0, 100).map(({ message }) => message)
}

test('runs at its time, in its time zone, and again the next day', async () => {
  addInstance('i-1')
  addSchedule(['i-1'], '0 19 * * *', 'Europe/Berlin')
  expect(runner.nextRunOf('evening')?.toISOString()).toBe('2026-03-02T18:00:00.000Z')
  await vi.advanceTimersByTimeAsync(24 * 3600 * 1000 + 120_000)
  expect(ran.map((line) => line.slice(0, 16))).toEqual(['2026-03-02T18:00', '2026-03-03T18:00'])
  expect(messages()).toEqual(['i-1 is told to stop', 'i-1 is told to stop'])
})

test('stops the others when one cannot be stopped, and tells of both', async () => {
  addInstance('i-bad')
  addInstance('i-1')
  addSchedule(['i-bad', 'i-1'], '59 17 * * *', 'UTC')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ran).toHaveLength(2)
  expect(messages().sort()).toEqual(['i-1 is told to stop', 'i-bad could not stop: not now'])
})

test('forgets terminated instances, and itself with the last of them', async () => {
  addInstance('i-1', 'terminated')
  addSchedule(['i-1', 'i-gone'], '59 17 * * *', 'UTC')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ran).toEqual([])
  expect(store.schedules.listAll()).toEqual([])
  expect(runner.nextRunOf('evening')).toBeUndefined()
})

test.each([
  ['2026-03-05T17:00:00Z', 'start', 'i-1 is told to start, to make up for 2026-03-03T08:00Z'],
  ['2026-03-05T20:00:00Z', 'stop', 'i-1 is told to stop, to make up for 2026-03-02T18:00Z'],
])('of what passed until %s while there was no daemon only the last is made up for: %s', async (now, action, told) => {
  addInstance('i-1')
  addSchedule(['i-1'], '0 18 * * *', 'UTC')
  addSchedule(['i-1'], '0 8 * * *', 'UTC', 'start')
  runner.close()
  vi.setSystemTime(new Date(now))
  runner = makeRunner()
  runner.refresh()
  await vi.advanceTimersByTimeAsync(0)
  expect(ran).toEqual([expect.stringContaining(`${action} i-1`)])
  expect(messages()).toEqual([told])
})

test('does nothing any more once it is deleted', async () => {
  addInstance('i-1')
  addSchedule(['i-1'], '* * * * *')
  store.transaction(() => store.schedules.remove('evening'))
  runner.refresh()
  await vi.advanceTimersByTimeAsync(180_000)
  expect(ran).toEqual([])
})

test.each([
  [{ cron: '* * * * * *' }, 'Cron'],
  [{ cron: 'every day' }, 'Cron'],
  [{ cron: '0 8 * * *', timeZone: 'Mars/Base' }, 'TimeZone'],
])('refuses %j', (schedule, parameter) => {
  expect(() => runner.check(schedule)).toThrow(parameter)
})
