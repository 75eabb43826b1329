import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { parse } from 'yaml'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Ec2Error } from '../../../../src/ec2/errors.ts'
import { createEventBus } from '../../../../src/ec2/event/event-bus.ts'
import type { ImageRecord } from '../../../../src/ec2/image/image.ts'
import type { InstanceRecord } from '../../../../src/ec2/instance/instance.ts'
import {
  createLifecycleManager,
  type LifecycleManager,
  setEnabled,
} from '../../../../src/ec2/lifecycle/lifecycle-manager.ts'
import { policyOf, policySchema } from '../../../../src/ec2/lifecycle/policy-schema.ts'
import type { PolicyFile } from '../../../../src/ec2/lifecycle/policy.ts'
import type { Store } from '../../../../src/ec2/ports/store.ts'
import { systemClock } from '../../../../src/host/clock.ts'
import { openStore } from '../../../../src/store/store.ts'

const scope = { accountId: '123456789012', region: 'us-east-1' }
const instanceId = 'i-00000000000000001'

let directory: string
let store: Store
let manager: LifecycleManager
let text: string
let called: string[]
let refusal: Ec2Error | undefined
/** The call after which nothing goes on: there the daemon is killed. */
let lastCall: string | undefined

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-lifecycle-'))
  vi.useFakeTimers({ now: new Date('2026-03-02T02:58:30Z') })
  store = openStore(join(directory, 'kiln.db'))
  called = []
  refusal = undefined
  lastCall = undefined
  manager = makeManager()
  addInstance(instanceId)
})
afterEach(async () => {
  manager.close()
  store.close()
  vi.useRealTimers()
  await rm(directory, { recursive: true, force: true })
})

function makeManager(): LifecycleManager {
  return createLifecycleManager({
    store,
    clock: systemClock,
    events: createEventBus({ store, clock: systemClock }),
    log: pino({ level: 'silent' }),
    readFiles: () => [fileOf(text)],
    call: async ({ region }, operation, input) => {
      const { ImageId: id = '', InstanceId: source } = input as { ImageId?: string; InstanceId?: string }
      const line = [region, operation, id].filter((part) => part !== '').join(' ')
      called.push(line)
      if (operation === 'CreateImage' && refusal) throw refusal
      const madeId = `ami-made-${called.length}`
      if (operation === 'CreateImage') addImage(madeId, new Date().toISOString(), source)
      if (line === lastCall) await new Promise(() => undefined)
      return { ImageId: madeId }
    },
  })
}

function addInstance(id: string): void {
  store.transaction(() => {
    const instance = { ...scope, id, state: 'running', reservationId: 'r', imageId: 'ami-1' }
    store.instances.insert(instance as InstanceRecord)
    store.tags.put(scope, id, 'instance', [{ key: 'backup', value: 'yes' }])
  })
}

function fileOf(content: string): PolicyFile {
  const policy = policyOf('weekly', content, policySchema.parse(parse(content)), scope)
  return { name: 'weekly', path: '/lifecycle/weekly.yaml', policy }
}

/** An image that the policy has made. */
function addImage(id: string, creationDate: string, sourceId = instanceId): void {
  store.transaction(() => {
    store.images.insert({
      ...scope,
      id,
      name: id,
      creationDate,
      state: 'available',
      blockDevices: [],
    } as unknown as ImageRecord)
    store.tags.put(scope, id, 'image', [
      { key: 'kiln:lifecycle-policy', value: 'weekly' },
      { key: 'kiln:lifecycle-source', value: sourceId },
    ])
  })
}

test('at its time a policy tells what it would do, and does it once it is enabled', async () => {
  text = 'schedule: 0,5 3 * * *\ntimeZone: UTC\nimages: { tags: { backup: "yes" }, keep: 1 }\n'
  manager.start()
  const policy = manager.find(scope.accountId, 'weekly')
  expect(manager.nextRunOf(policy)?.toISOString()).toBe('2026-03-02T03:00:00.000Z')
  await vi.advanceTimersByTimeAsync(120_000)
  expect(called).toEqual([])
  store.transaction(() => setEnabled(store, policy, new Date(), true))
  await vi.advanceTimersByTimeAsync(300_000)
  expect(called).toEqual(['us-east-1 CreateImage'])
  expect(store.lifecycleRuns.list(scope).map(({ isDryRun, trigger }) => [isDryRun, trigger])).toEqual([
    [true, 'schedule'],
    [false, 'schedule'],
  ])
  expect(store.events.after(scope.accountId, 0, 10).map(({ message }) => message)).toEqual([
    'lifecycle policy weekly would make 1 change',
    'lifecycle policy weekly made 1 change',
  ])
  // A file that has changed is another policy.
  text = `description: changed\n${text}`
  expect(manager.isEnabled(manager.find(scope.accountId, 'weekly'))).toBe(false)
})

/** Nothing is recorded when a manager is closed: for the next one it was killed at this instant. */
async function killAndStartAfter(downMs: number): Promise<void> {
  manager.close()
  vi.setSystemTime(Date.now() + downMs)
  manager = makeManager()
  manager.start()
  await vi.advanceTimersByTimeAsync(1000)
}

function startEnabled(): void {
  manager.start()
  const policy = manager.find(scope.accountId, 'weekly')
  store.transaction(() => setEnabled(store, policy, new Date(), true))
}

test('times that passed while there was no daemon are made up for by one run, which says so', async () => {
  text = 'schedule: 0 3 * * *\ntimeZone: UTC\nimages: { tags: { backup: "yes" }, keep: 5 }\n'
  startEnabled()
  await killAndStartAfter(3 * 24 * 3_600_000)
  await killAndStartAfter(0)
  expect(called).toEqual(['us-east-1 CreateImage'])
  expect(store.lifecycleRuns.list(scope)).toMatchObject([{ dueAt: '2026-03-02T03:00:00.000Z', isLate: true }])
  expect(store.events.after(scope.accountId, 0, 10).map(({ message }) => message)).toEqual([
    'lifecycle policy weekly made 1 change, to make up for 2026-03-02T03:00Z',
  ])
})

test('times that passed while there was no daemon are left out with catchUp: false', async () => {
  text = 'schedule: 0 3 * * *\ntimeZone: UTC\ncatchUp: false\nimages: { tags: { backup: "yes" }, keep: 5 }\n'
  startEnabled()
  await killAndStartAfter(3 * 24 * 3_600_000)
  expect(called).toEqual([])
})

test('a run that is killed goes on where it was, and backs nothing up twice', async () => {
  text = 'schedule: 0 3 * * *\ntimeZone: UTC\nimages: { tags: { backup: "yes" }, copyTo: [eu-west-1], keep: 5 }\n'
  addInstance('i-00000000000000002')
  startEnabled()
  lastCall = 'us-east-1 CreateImage'
  await vi.advanceTimersByTimeAsync(120_000)
  expect(called).toEqual(['us-east-1 CreateImage'])
  lastCall = undefined
  await killAndStartAfter(3_600_000)
  expect(called.slice(1)).toEqual(['eu-west-1 CopyImage', 'us-east-1 CreateImage', 'eu-west-1 CopyImage'])
  await killAndStartAfter(3_600_000)
  expect(called).toHaveLength(4)
  expect(store.events.after(scope.accountId, 0, 10).map(({ message }) => message)).toEqual([
    'lifecycle policy weekly made 3 changes, to end what was interrupted at 2026-03-02T03:00Z',
  ])
})

test('images are deprecated and deregistered by their age, but for those that are in use', async () => {
  text = 'images: { tags: { backup: "yes" }, keepFor: 7d, deprecateAfter: 1d }\n'
  addImage('ami-00000000000000001', '2026-02-01T00:00:00.000Z')
  addImage('ami-00000000000000002', '2026-02-28T00:00:00.000Z')
  addImage('ami-1', '2026-02-01T00:00:00.000Z')
  const { steps } = await manager.run(manager.find(scope.accountId, 'weekly'), { trigger: 'call', isDryRun: false })
  expect(steps.at(-1)).toMatchObject({
    action: 'keep',
    resourceId: 'ami-1',
    reason: expect.stringContaining(instanceId),
  })
  expect(called).toEqual([
    'us-east-1 CreateImage',
    'us-east-1 EnableImageDeprecation ami-00000000000000001',
    'us-east-1 EnableImageDeprecation ami-00000000000000002',
    'us-east-1 EnableImageDeprecation ami-1',
    'us-east-1 DeregisterImage ami-00000000000000001',
  ])
})

test('nothing is deleted when its successor could not be made', async () => {
  text = 'images: { tags: { backup: "yes" }, keep: 1 }\n'
  addImage('ami-00000000000000001', '2026-02-01T00:00:00.000Z')
  refusal = new Ec2Error('ResourceLimitExceeded', 'Too many.')
  const { steps } = await manager.run(manager.find(scope.accountId, 'weekly'), { trigger: 'call', isDryRun: false })
  expect(steps).toMatchObject([
    { action: 'create', error: 'ResourceLimitExceeded: Too many.' },
    { action: 'keep', reason: expect.stringContaining('a new backup could not be made') },
  ])
  expect(called).toEqual(['us-east-1 CreateImage'])
})

test('a file with a mistake is refused by what is wrong', () => {
  for (const [content, why] of [
    ['images: { tags: { a: b } }', 'must have one of keep and keepFor'],
    ['images: { tags: { a: b }, keepFor: 7 days }', 'expected a number and a unit'],
    ['images: { tags: {}, keep: 1 }', 'expected at least one tag'],
    ['images: { tags: { a: b }, keep: 1, addTags: { "kiln:x": y } }', 'not for users'],
    ['cleanUp: { tags: { a: b } }', 'must have olderThan or notLaunchedFor'],
    ['schedule: sometimes\ncleanUp: { olderThan: 1d }', 'expected five fields'],
    ['description: nothing', 'must have one of snapshots, images and cleanUp'],
  ] as const)
    expect(policySchema.safeParse(parse(content)).error?.issues[0]?.message).toContain(why)
})
