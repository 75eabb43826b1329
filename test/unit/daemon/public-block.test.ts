import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { takePublicBlock } from '../../../src/daemon/public-block.ts'
import { createEventBus } from '../../../src/ec2/event/event-bus.ts'
import type { InterfaceRecord } from '../../../src/ec2/network-interface/network-interface.ts'
import type { Store } from '../../../src/ec2/ports/store.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { claimPublicBlock, findBlockOwner, type PublicBlock } from '../../../src/network/public-block.ts'
import { openStore } from '../../../src/store/store.ts'

// A block that daemons of other tests do not come to: they begin at 127.80.0.0.
const wanted = '127.240.0.0/16'
let directory: string
let store: Store
const claims: PublicBlock[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-block-'))
  store = openStore(join(directory, 'kiln.db'))
})
afterEach(async () => {
  for (const claim of claims.splice(0)) claim.release()
  store.close()
  await rm(directory, { recursive: true })
})

async function take(configured: string): Promise<string | undefined> {
  const events = createEventBus({ store, clock: systemClock })
  const block = await takePublicBlock({ store, events, log: pino({ level: 'silent' }) }, configured, '/home/mine')
  if (block) claims.push(block)
  return block?.cidr
}

async function takeAndLeave(configured: string): Promise<string | undefined> {
  const cidr = await take(configured)
  claims.pop()?.release()
  return cidr
}

function insertInterface(number: number, publicIp: string): void {
  const record: InterfaceRecord = {
    id: `eni-0000000000000000${number}`,
    accountId: '123456789012',
    region: 'us-east-1',
    vpcId: 'vpc-1',
    subnetId: 'subnet-1',
    availabilityZone: 'us-east-1a',
    description: '',
    macAddress: `02:00:00:00:00:0${number}`,
    privateIp: `172.31.0.${number}`,
    groupIds: [],
    hasSourceDestCheck: true,
    wantsPublicIp: true,
    publicIp,
    attachment: {
      id: `eni-attach-${number}`,
      instanceId: `i-0000000000000000${number}`,
      deviceIndex: 0,
      attachTime: '2026-01-01T00:00:00.000Z',
      deleteOnTermination: true,
    },
  }
  store.interfaces.insert(record)
}

test('a block that is taken is told with its owner', async () => {
  expect(await take(wanted)).toBe(wanted)
  expect(await findBlockOwner(wanted)).toBe('/home/mine')
  expect(await findBlockOwner('127.239.0.0/16')).toBeUndefined()
})

test('the block that was used before is preferred over the configured one that was taken then', async () => {
  const other = await claimPublicBlock(wanted, '/home/other')
  if (other) claims.push(other)
  expect(await takeAndLeave(wanted)).toBe('127.241.0.0/16')
  other?.release()
  expect(await takeAndLeave(wanted)).toBe('127.241.0.0/16')
})

test('a changed configuration is followed, and addresses move into the new block', async () => {
  expect(await takeAndLeave(wanted)).toBe(wanted)
  insertInterface(1, '127.240.0.10')
  expect(await take('127.250.0.0/16')).toBe('127.250.0.0/16')
  expect(store.interfaces.listAll().map(({ publicIp }) => publicIp)).toEqual(['127.250.0.10'])
})

test('addresses move out of a block that another daemon has taken meanwhile, each to one of its own, and are told of', async () => {
  await takeAndLeave(wanted)
  insertInterface(1, '127.240.0.10')
  insertInterface(2, '127.240.0.11')
  insertInterface(3, '127.241.0.11')
  const other = await claimPublicBlock(wanted, '/home/other')
  if (other) claims.push(other)
  expect(await take(wanted)).toBe('127.241.0.0/16')
  const addresses = store.interfaces.listAll().map(({ publicIp }) => publicIp)
  expect(addresses.every((address) => address?.startsWith('127.241.0.'))).toBe(true)
  expect(new Set(addresses).size).toBe(3)
  const told = store.events.after('123456789012', 0, 10).map(({ message }) => message)
  expect(told).toContain(
    'the public address of i-00000000000000001 is 127.241.0.10 now, no longer 127.240.0.10: /home/other uses 127.240.0.0/16',
  )
})
