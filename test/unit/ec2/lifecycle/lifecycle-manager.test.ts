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

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-lifecycle-'))
  vi.useFakeTimers({ now: new Date('2026-03-02T02:58:30Z') })
  store = openStore(join(directory, 'kiln.db'))
  called = []
  refusal = undefined
  manager = createLifecycleManager({
    store,
    clock: systemClock,
    events: createEventBus({ store, clock: systemClock }),
    log: pino({ level: 'silent' }),
    readFiles: () => [fileOf(text)],
    call: async ({ region }, operation, input) => {
      const { ImageId: id = '' } = input as { ImageId?: string }
      called.push([region, operation, id].filter((part) => part !== '').join(' '))
      if (operation === 'CreateImage' && refusal) throw refusal
      return { ImageId: 'ami-0000000000000000f' }
    },
  })
  store.transaction(() => {
    const instance = { ...scope, id: instanceId, state: 'running', reservationId: 'r', imageId: 'ami-1' }
    store.instances.insert(instance as InstanceRecord)
    store.tags.put(scope, instanceId, 'instance', [{ key: 'backup', value: 'yes' }])
  })
})
afterEach(async () => {
  manager.close()
  store.close()
  vi.useRealTimers()
  await rm(directory, { recursive: true, force: true })
})

function fileOf(content: string): PolicyFile {
  const policy = policyOf('weekly', content, policySchema.parse(parse(content)), scope)
  return { name: 'weekly', path: '/lifecycle/weekly.yaml', policy }
}

/** An image that the policy has made. */
function addImage(id: string, creationDate: string): void {
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
      { key: 'kiln:lifecycle-source', value: instanceId },
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
    'lifecycle policy weekly would make 1 changes',
    'lifecycle policy weekly made 1 changes',
  ])
  // A file that has changed is another policy.
  text = `description: changed\n${text}`
  expect(manager.isEnabled(manager.find(scope.accountId, 'weekly'))).toBe(false)
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
