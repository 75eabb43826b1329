import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Domain } from '../../../../src/ec2/domain.ts'
import { createEventBus } from '../../../../src/ec2/event/event-bus.ts'
import type { InstanceRecord } from '../../../../src/ec2/instance/instance.ts'
import { createEventRunner, type EventRunner } from '../../../../src/ec2/instance-event/event-runner.ts'
import {
  describeInstanceEvent,
  type InstanceEventCode,
  shownEvents,
} from '../../../../src/ec2/instance-event/instance-event.ts'
import { modifyInstanceEventStartTime } from '../../../../src/ec2/instance-event/modify-event-start-time.ts'
import { cancelInstanceEvents, scheduleInstanceEvent } from '../../../../src/ec2/instance-event/schedule-event.ts'
import type { MutationContext } from '../../../../src/ec2/operation.ts'
import type { Store } from '../../../../src/ec2/ports/store.ts'
import { systemClock as clock } from '../../../../src/host/clock.ts'
import { systemRandom as random } from '../../../../src/host/random.ts'
import { openStore } from '../../../../src/store/store.ts'

const scope = { accountId: '123456789012', region: 'us-east-1' }
const id = 'i-0123456789abcdef0'
const minuteMs = 60_000

let directory: string
let store: Store
let runner: EventRunner
let woken: string[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-event-'))
  vi.useFakeTimers({ now: new Date('2026-03-02T10:00:00Z') })
  store = openStore(join(directory, 'kiln.db'))
  woken = []
  runner = createRunner()
})
afterEach(async () => {
  runner.close()
  store.close()
  vi.useRealTimers()
  await rm(directory, { recursive: true, force: true })
})

function createRunner(): EventRunner {
  return createEventRunner({
    store,
    clock,
    events: createEventBus({ store, clock }),
    instances: { wake: (instanceId) => woken.push(instanceId) },
    log: pino({ level: 'silent' }),
  })
}

function domain(): Domain {
  return { store, clock, random, events: createEventBus({ store, clock }), eventRunner: runner } as unknown as Domain
}

/** Calls a mutation as dispatch does: one transaction, then what follows it. */
function change<T>(work: (context: MutationContext) => T): T {
  const effects: (() => unknown)[] = []
  const context = { ...scope, now: clock.now(), afterCommit: (effect: () => unknown) => effects.push(effect) }
  const answer = store.transaction(() => work(context as unknown as MutationContext))
  for (const effect of effects) effect()
  return answer
}

function addInstance(more: Partial<InstanceRecord> = {}): void {
  store.transaction(() =>
    store.instances.insert({ ...scope, id, state: 'running', reservationId: 'r', ...more } as InstanceRecord),
  )
}

function schedule(code: InstanceEventCode, inMinutes: number, more: { deadlineMinutes?: number } = {}) {
  const at = (minutes: number) => new Date(clock.now().getTime() + minutes * minuteMs)
  const { deadlineMinutes } = more
  return change((context) =>
    scheduleInstanceEvent(domain(), context, {
      instanceId: id,
      code,
      notBefore: at(inMinutes),
      notAfter: at(inMinutes + 120),
      ...(deadlineMinutes === undefined ? {} : { notBeforeDeadline: at(deadlineMinutes) }),
    }),
  )
}

function instance(): InstanceRecord {
  const found = store.instances.find(id)
  if (!found) throw new Error('no instance')
  return found
}

const statesOfEvents = () => (instance().events ?? []).map(({ code, state }) => `${code} ${state}`)
const pass = async (minutes: number) => await vi.advanceTimersByTimeAsync(minutes * minuteMs)

test.each(['instance-reboot', 'system-reboot'] as const)(
  '%s reboots the instance at its time, not before',
  async (code) => {
    addInstance()
    schedule(code, 10)
    await pass(9.9)
    expect([woken, statesOfEvents(), instance().request]).toEqual([[], [`${code} active`], undefined])
    await pass(0.2)
    expect([woken, statesOfEvents(), instance().request]).toEqual([[id], [`${code} completed`], { isReboot: true }])
  },
)

test.each(['instance-stop', 'instance-retirement'] as const)('%s stops the instance', async (code) => {
  addInstance()
  schedule(code, 10)
  await pass(11)
  expect([woken, statesOfEvents(), instance().state, instance().stateReason?.code]).toEqual([
    ...[[id], [`${code} completed`], 'stopping', 'Server.ScheduledStop'],
  ])
})

test('a spot instance, which cannot be stopped, is terminated', async () => {
  addInstance({ spot: { requestId: 'sir-01234567' } })
  expect(() => schedule('instance-stop', 10)).toThrow('cannot be stopped')
  schedule('instance-retirement', 10)
  await pass(11)
  expect([instance().state, woken]).toEqual(['shutting-down', [id]])
})

test('maintenance does nothing to the instance, and is over when its time is', async () => {
  addInstance()
  schedule('system-maintenance', 10)
  await pass(129)
  expect(statesOfEvents()).toEqual(['system-maintenance active'])
  await pass(2)
  expect([statesOfEvents(), instance().state, woken]).toEqual([['system-maintenance completed'], 'running', []])
})

test('an instance that does not run has nothing done to it', async () => {
  addInstance({ state: 'stopped' })
  schedule('instance-reboot', 1)
  schedule('instance-stop', 2)
  await pass(3)
  expect([statesOfEvents(), instance().state, woken]).toEqual([
    ...[['instance-reboot completed', 'instance-stop completed'], 'stopped', []],
  ])
})

test('an event that is canceled does not come', async () => {
  addInstance()
  const { id: eventId } = schedule('instance-reboot', 10)
  schedule('instance-stop', 20)
  const cancel = (event?: string) => change((context) => cancelInstanceEvents(domain(), context, id, event))
  expect(cancel(eventId).map(({ state }) => state)).toEqual(['canceled'])
  expect(() => cancel(eventId)).toThrow('does not exist')
  await pass(15)
  expect([statesOfEvents(), woken]).toEqual([['instance-reboot canceled', 'instance-stop active'], []])
  expect(cancel()).toHaveLength(1)
  expect(cancel()).toEqual([])
})

test('a daemon that was started later does what came due meanwhile', async () => {
  addInstance()
  schedule('instance-reboot', 10)
  runner.close()
  await pass(60)
  expect(woken).toEqual([])
  runner = createRunner()
  runner.refresh()
  await pass(0)
  expect(woken).toEqual([id])
})

test('an event is awaited for longer than a timer can be', async () => {
  addInstance()
  schedule('instance-reboot', 40 * 24 * 60)
  await pass(40 * 24 * 60 - 1)
  expect(woken).toEqual([])
  await pass(2)
  expect(woken).toEqual([id])
})

test('what is over is shown for a week, with its end before its description', async () => {
  addInstance()
  schedule('instance-reboot', 10)
  await pass(11)
  const shown = () => shownEvents(instance(), clock.now()).map(({ state }) => state)
  expect(shown()).toEqual(['completed'])
  const [event] = instance().events ?? []
  expect(event && describeInstanceEvent(event)).toEqual({
    InstanceEventId: expect.stringMatching(/^instance-event-[0-9a-f]{17}$/),
    Code: 'instance-reboot',
    Description: '[Completed] The instance is scheduled for a reboot',
    NotBefore: new Date('2026-03-02T10:10:00Z'),
    NotAfter: new Date('2026-03-02T12:10:00Z'),
  })
  await pass(7 * 24 * 60)
  expect(shown()).toEqual([])
})

test('an event with a deadline is put off, by the rules of EC2', async () => {
  addInstance()
  const { id: eventId } = schedule('instance-reboot', 30, { deadlineMinutes: 240 })
  const { id: fixedId } = schedule('instance-reboot', 500)
  const move = (event: string, minutes: number) =>
    change((context) =>
      modifyInstanceEventStartTime(domain()).apply(
        context,
        {
          InstanceId: id,
          InstanceEventId: event,
          NotBefore: new Date(clock.now().getTime() + minutes * minuteMs),
        },
        undefined,
      ),
    )
  const refusals: [string, number, string][] = [
    ['instance-event-00000000000000000', 90, 'InvalidInstanceEventIDNotFound'],
    [fixedId, 90, 'InvalidInstanceEventStartTime'],
    [eventId, 59, 'InvalidInstanceEventStartTime'],
    [eventId, 241, 'InvalidInstanceEventStartTime'],
  ]
  for (const [event, minutes, code] of refusals) {
    expect(() => move(event, minutes)).toThrow(expect.objectContaining({ code }))
  }
  expect(move(eventId, 90).Event).toMatchObject({
    NotBefore: new Date('2026-03-02T11:30:00Z'),
    NotAfter: new Date('2026-03-02T13:30:00Z'),
    NotBeforeDeadline: new Date('2026-03-02T14:00:00Z'),
  })
  await pass(60)
  expect(woken).toEqual([])
  await pass(26)
  expect(() => move(eventId, 120)).toThrow(expect.objectContaining({ code: 'InvalidInstanceEventStartTime' }))
  await pass(5)
  expect(woken).toEqual([id])
})
