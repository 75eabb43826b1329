import { expect, test } from 'vitest'
import { keyOfObject } from '../../../../src/ec2/flow-log/flow-delivery.ts'
import type { FlowLogRecord } from '../../../../src/ec2/flow-log/flow-log.ts'
import type { LoggedInterface } from '../../../../src/ec2/flow-log/flow-record.ts'
import { openFlowWindow } from '../../../../src/ec2/flow-log/flow-window.ts'
import { isLogGroupName, nameOfDirectory } from '../../../../src/ec2/flow-log/log-group.ts'
import type { FlowCount, FlowReading } from '../../../../src/ec2/ports/flow-count.ts'

const logged = { id: 'eni-1' } as unknown as LoggedInterface
const quiet = { id: 'eni-2' } as unknown as LoggedInterface

function flowLog(trafficType: FlowLogRecord['trafficType'] = 'ALL'): FlowLogRecord {
  return {
    ...{ id: 'fl-1', accountId: '123456789012', region: 'us-east-1', resourceType: 'VPC', resourceId: 'vpc-1' },
    ...{ vpcId: 'vpc-1', trafficType, aggregationSeconds: 60, format: '${srcaddr}', createdAt: '2026-01-01T00:00:00Z' },
    destination: { type: 'cloud-watch-logs', logGroupName: 'flows' },
  }
}

function count(changes: Partial<FlowCount> = {}): FlowCount {
  return {
    ...{ tapName: 'eni1', isEntering: true, isAccepted: true, source: '10.0.0.1', destination: '10.0.0.2' },
    ...{ protocol: 6, sourcePort: 1, destinationPort: 2, packets: 1, bytes: 40, tcpFlags: 0 },
    ...changes,
  }
}

function reading(second: number, flows: readonly FlowCount[], skippedTapNames: readonly string[] = []): FlowReading {
  const since = second * 1000
  return { vpcId: 'vpc-1', since, until: since + 10_000, tapNames: ['eni1', 'eni2'], skippedTapNames, flows }
}

test('readings of one interval become one record a flow, and a quiet interface says that it was quiet', () => {
  const window = openFlowWindow(flowLog(), 0)
  window.add(reading(0, [count({ tcpFlags: 2 }), count({ bytes: 1000 })]), 'eni1', logged)
  window.add(reading(10, [count({ tcpFlags: 1 }), count({ isAccepted: false })]), 'eni1', logged)
  window.add(reading(10, []), 'eni2', quiet)
  const lines = window.lines()
  const flows = lines.get(logged)?.map(({ flow }) => flow)
  expect(flows).toEqual([
    { ...count({ tcpFlags: 3, packets: 3, bytes: 1080 }), since: 0, until: 20_000 },
    { ...count({ isAccepted: false }), since: 10_000, until: 20_000 },
  ])
  expect(lines.get(quiet)).toEqual([{ logged: quiet, since: 10_000, until: 20_000, status: 'NODATA' }])
})

test('a flow log of one verdict has no others, and traffic of the other is no NODATA', () => {
  const window = openFlowWindow(flowLog('REJECT'), 0)
  window.add(reading(0, [count()]), 'eni1', logged)
  expect(window.lines().get(logged)).toEqual([])
})

test('what was more than is kept is told beside what was kept', () => {
  const window = openFlowWindow(flowLog(), 0)
  window.add(reading(0, [count()], ['eni1']), 'eni1', logged)
  window.add(reading(10, []), 'eni1', logged)
  expect(
    window
      .lines()
      .get(logged)
      ?.map(({ status }) => status),
  ).toEqual(['OK', 'SKIPDATA'])
})

test('intervals end with the minutes of the clock', () => {
  const window = openFlowWindow(flowLog(), 50_000)
  expect(window.isOver(59_999)).toBe(false)
  expect(window.isOver(60_000)).toBe(true)
})

test('files are called as EC2 calls them', () => {
  const time = new Date('2026-03-04T05:06:07Z')
  const plain = {
    type: 's3',
    bucket: 'logs',
    prefix: 'lab/',
    hasHivePartitions: false,
    hasHourPartitions: false,
  } as const
  const name = '123456789012_vpcflowlogs_us-east-1_fl-1_20260304T0506Z_2d711642.log.gz'
  expect(keyOfObject(flowLog(), plain, 'x', time)).toBe(
    `lab/AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/03/04/${name}`,
  )
  expect(keyOfObject(flowLog(), { ...plain, hasHivePartitions: true, hasHourPartitions: true }, 'x', time)).toBe(
    `lab/AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/month=03/day=04/hour=05/${name}`,
  )
})

test('a log group is a directory of its own, whatever it is called', () => {
  expect(['/aws/vpc', '..', '.hidden', 'a#b'].map(nameOfDirectory)).toEqual([
    '%2Faws%2Fvpc',
    '%2E.',
    '%2Ehidden',
    'a%23b',
  ])
  expect(['/aws/vpc', 'a b', '', 'x'.repeat(201), 'ä'].map(isLogGroupName)).toEqual([true, false, false, false, false])
})
