import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createObjectStore } from '../../../../src/disk/bucket/object-store.ts'
import { createFlowCollector, type FlowCollector } from '../../../../src/ec2/flow-log/flow-collector.ts'
import { createFlowDelivery } from '../../../../src/ec2/flow-log/flow-delivery.ts'
import type { FlowLogRecord } from '../../../../src/ec2/flow-log/flow-log.ts'
import { createFlowWatch, type FlowWatch } from '../../../../src/ec2/flow-log/flow-watch.ts'
import { createLogGroups } from '../../../../src/ec2/flow-log/log-group.ts'
import { defaultFormat } from '../../../../src/ec2/flow-log/log-format.ts'
import type { InterfaceRecord } from '../../../../src/ec2/network-interface/network-interface.ts'
import type { FlowCount, FlowReading } from '../../../../src/ec2/ports/flow-count.ts'
import type { Store } from '../../../../src/ec2/ports/store.ts'
import type { Clock } from '../../../../src/host/clock.ts'
import { openStore } from '../../../../src/store/store.ts'

const scope = { accountId: '123456789012', region: 'us-east-1' }
const interfaceId = 'eni-00000000000000005'
const start = Date.parse('2026-03-02T10:00:00Z')

let directory: string
let store: Store
let watch: FlowWatch
let collector: FlowCollector
let now: number
let refreshed: string[]
const clock: Clock = {
  now: () => new Date(now),
  // Time goes on with whoever waits for it.
  sleep: async (ms, signal) => {
    now += ms
    await new Promise((resolve) => setImmediate(resolve))
    signal?.throwIfAborted()
  },
} as Clock

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-flows-'))
  await mkdir(join(directory, 'bucket'))
  store = openStore(join(directory, 'kiln.db'))
  now = start
  refreshed = []
  watch = createFlowWatch(clock)
  const objects = createObjectStore({
    ...{ clock, accountId: scope.accountId, credentialsPath: join(directory, 'none.yaml') },
    buckets: { logs: { directory: join(directory, 'bucket') } },
  })
  collector = createFlowCollector({
    ...{ store, watch, clock, log: pino({ level: 'silent' }) },
    network: { readFlows: async () => undefined },
    networks: {
      refresh: async () => undefined,
      refreshSoon: (vpcId) => refreshed.push(vpcId),
      bridgeProblem: () => undefined,
      closedNetworks: () => ({ hostAddresses: [], lanBlocks: [] }),
      delayProblem: async () => undefined,
    },
    delivery: createFlowDelivery({ objects, logGroups: createLogGroups(join(directory, 'log-groups')) }),
  })
  store.transaction(() => store.interfaces.insert(recordOf()))
})
afterEach(async () => {
  await collector.close()
  store.close()
  await rm(directory, { recursive: true })
})

function recordOf(): InterfaceRecord {
  return {
    ...{ ...scope, id: interfaceId, vpcId: 'vpc-1', subnetId: 'subnet-1', privateIp: '10.0.0.5', groupIds: [] },
    ...{ availabilityZone: 'us-east-1a', description: '', macAddress: '02:00:00:00:00:05' },
    ...{ hasSourceDestCheck: true, wantsPublicIp: false },
    attachment: { id: 'eni-attach-1', instanceId: 'i-1', deviceIndex: 0, attachTime: '', deleteOnTermination: true },
  }
}

function keep(changes: Partial<FlowLogRecord> = {}): void {
  const destination = { type: 'cloud-watch-logs', logGroupName: 'flows' } as const
  const record: FlowLogRecord = {
    ...{ ...scope, id: 'fl-1', resourceType: 'VPC', resourceId: 'vpc-1', vpcId: 'vpc-1', trafficType: 'ALL' },
    ...{ aggregationSeconds: 60, format: defaultFormat, destination, createdAt: new Date(start).toISOString() },
    ...changes,
  }
  store.transaction(() => store.flowLogs.insert(record))
}

function reading(changes: Partial<FlowReading> = {}, count: Partial<FlowCount> = {}): FlowReading {
  const flow: FlowCount = {
    ...{ tapName: 'eni000000000005', isEntering: true, isAccepted: false, source: '10.0.0.9', destination: '10.0.0.5' },
    ...{ protocol: 6, sourcePort: 40_000, destinationPort: 22, packets: 2, bytes: 120, tcpFlags: 2 },
    ...count,
  }
  return {
    ...{ vpcId: 'vpc-1', since: now, until: now + 10_000, tapNames: ['eni000000000005'], skippedTapNames: [] },
    flows: [flow],
    ...changes,
  }
}

const line = (from: number, to: number) =>
  `2 123456789012 ${interfaceId} 10.0.0.9 10.0.0.5 40000 22 6 2 120 ${from / 1000} ${to / 1000} REJECT OK\n`
const logFile = (name: string) => join(directory, 'log-groups/123456789012/us-east-1/flows', name)

/** Lets the collector's own clock run until that holds. */
async function runUntil(isDone: () => Promise<boolean>): Promise<void> {
  collector.start()
  while (!(await isDone())) await new Promise((resolve) => setImmediate(resolve))
}

test('what was gathered is written when the minute is over', async () => {
  keep()
  collector.accept(reading())
  const written = async () => await readFile(logFile(`${interfaceId}-all.log`), 'utf8').catch(() => '')
  expect(await written()).toBe('')
  await runUntil(async () => (await written()) !== '')
  expect(await written()).toBe(line(start, start + 10_000))
  expect(now).toBeGreaterThanOrEqual(start + 60_000)
})

test('an object has its fields first, and holds all interfaces', async () => {
  const destination = {
    type: 's3',
    ...{ bucket: 'logs', prefix: 'lab/', hasHivePartitions: false, hasHourPartitions: false },
  } as const
  keep({ destination })
  collector.accept(reading())
  await collector.conclude(['fl-1'])
  const files = await readdir(join(directory, 'bucket'), { recursive: true })
  const name = files.find((path) => path.endsWith('.log.gz')) ?? ''
  expect(name).toMatch(
    /^lab\/AWSLogs\/123456789012\/vpcflowlogs\/us-east-1\/2026\/03\/02\/123456789012_vpcflowlogs_us-east-1_fl-1_20260302T1000Z_[0-9a-f]{8}\.log\.gz$/,
  )
  const text = gunzipSync(await readFile(join(directory, 'bucket', name))).toString()
  expect(text).toBe(
    `version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n${line(start, start + 10_000)}`,
  )
})

test('an interface that is gone is still what it was when its last flows are read', async () => {
  keep()
  collector.accept(reading({ flows: [] }))
  store.transaction(() => store.interfaces.remove(interfaceId))
  collector.accept(reading())
  await collector.close()
  expect(await readFile(logFile(`${interfaceId}-all.log`), 'utf8')).toBe(line(start, start + 10_000))
})

test('what was counted at a NAT gateway is its interface’s', async () => {
  keep()
  const { attachment: _attachment, ...record } = recordOf()
  store.transaction(() => store.interfaces.replace({ ...record, natGatewayId: 'nat-00000000000000009' }))
  const tapName = 'nat000000000009'
  collector.accept(reading({ tapNames: [tapName] }, { tapName }))
  await collector.close()
  expect(await readFile(logFile(`${interfaceId}-all.log`), 'utf8')).toBe(line(start, start + 10_000))
})

test('a destination that cannot be written is told until it can be', async () => {
  const destination = {
    type: 's3',
    ...{ bucket: 'gone', prefix: '', hasHivePartitions: false, hasHourPartitions: false },
  } as const
  keep({ destination })
  collector.accept(reading())
  expect(collector.problemOf('fl-1')).toBeUndefined()
  await runUntil(async () => collector.problemOf('fl-1') !== undefined)
  expect(collector.problemOf('fl-1')).toContain('gone')
})

test('what passed before a flow log was made is not its', async () => {
  keep({ createdAt: new Date(start + 60_000).toISOString() })
  collector.accept(reading())
  await collector.close()
  expect(await readdir(directory)).not.toContain('log-groups')
})

test('whoever looks is told, and nobody is looked for when nobody asks any more', async () => {
  expect(watch.look('subnet-1')).toBe(true)
  expect(watch.look('subnet-1')).toBe(false)
  collector.accept(reading())
  expect(watch.readAfter(0).map(({ number, line: { status } }) => [number, status])).toEqual([[1, 'OK']])
  expect(watch.readAfter(1)).toEqual([])
  store.transaction(() => {
    store.subnets.insert({ ...scope, id: 'subnet-1', vpcId: 'vpc-1' } as Parameters<typeof store.subnets.insert>[0])
  })
  await runUntil(async () => !watch.hasWatchers())
  expect(refreshed).toEqual(['vpc-1'])
})
