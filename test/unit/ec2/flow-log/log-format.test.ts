import { expect, test } from 'vitest'
import type { FlowRecord, LoggedInterface } from '../../../../src/ec2/flow-log/flow-record.ts'
import { defaultFormat, parseLogFormat } from '../../../../src/ec2/flow-log/log-format.ts'

const logged: LoggedInterface = {
  id: 'eni-00000000000000005',
  accountId: '123456789012',
  region: 'us-east-1',
  vpcId: 'vpc-1',
  subnetId: 'subnet-1',
  zoneId: 'use1-az1',
  instanceId: 'i-1',
  privateIp: '172.31.0.5',
  ipv6Addresses: ['fd12:3456:789a::5'],
  pathTo: () => 8,
}

function flow(changes: Partial<FlowRecord> = {}): FlowRecord {
  return {
    tapName: 'eni000000000005',
    isEntering: false,
    isAccepted: true,
    source: '172.31.0.5',
    destination: '192.0.2.1',
    protocol: 6,
    sourcePort: 40_000,
    destinationPort: 443,
    packets: 20,
    bytes: 4249,
    tcpFlags: 3,
    since: 1_764_483_000_000,
    until: 1_764_483_059_900,
    ...changes,
  }
}

const window = { logged, since: 1_764_483_000_000, until: 1_764_483_060_000 }

test('a record of the default format is as EC2 writes it', () => {
  const { header, write } = parseLogFormat(defaultFormat)
  expect(header).toBe(
    'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status',
  )
  expect(write({ ...window, status: 'OK', flow: flow() })).toBe(
    '2 123456789012 eni-00000000000000005 172.31.0.5 192.0.2.1 40000 443 6 20 4249 1764483000 1764483059 ACCEPT OK',
  )
  expect(
    write({ ...window, status: 'OK', flow: flow({ isEntering: true, isAccepted: false, source: '192.0.2.1' }) }),
  ).toBe(
    '2 123456789012 eni-00000000000000005 192.0.2.1 172.31.0.5 40000 443 6 20 4249 1764483000 1764483059 REJECT OK',
  )
})

test('an interval without traffic, or with more than was kept, says so', () => {
  const { write } = parseLogFormat(defaultFormat)
  expect(write({ ...window, status: 'NODATA' })).toBe(
    '2 123456789012 eni-00000000000000005 - - - - - - - 1764483000 1764483060 - NODATA',
  )
  expect(write({ ...window, status: 'SKIPDATA' })).toBe(
    '2 123456789012 eni-00000000000000005 - - - - - - - 1764483000 1764483060 - SKIPDATA',
  )
})

test('the fields of later versions, with the version that the newest of them needs', () => {
  const format = parseLogFormat(
    '${version} ${vpc-id} ${subnet-id} ${instance-id} ${tcp-flags} ${type} ${pkt-srcaddr} ${pkt-dstaddr} ${region} ${az-id} ${sublocation-type} ${pkt-src-aws-service} ${flow-direction} ${traffic-path}',
  )
  expect(format.write({ ...window, status: 'OK', flow: flow() })).toBe(
    '5 vpc-1 subnet-1 i-1 3 IPv4 172.31.0.5 192.0.2.1 us-east-1 use1-az1 - - egress 8',
  )
  expect(parseLogFormat('${version} ${vpc-id}').write({ ...window, status: 'OK', flow: flow() })).toBe('3 vpc-1')
})

test('an interface that carries for others, or has several addresses, is its primary one; the packet has its own', () => {
  const { write } = parseLogFormat('${srcaddr} ${pkt-srcaddr} ${dstaddr} ${pkt-dstaddr}')
  expect(write({ ...window, status: 'OK', flow: flow({ source: '10.88.0.2' }) })).toBe(
    '172.31.0.5 10.88.0.2 192.0.2.1 192.0.2.1',
  )
  const entering = flow({ isEntering: true, source: '192.0.2.1', destination: '172.31.0.9' })
  expect(write({ ...window, status: 'OK', flow: entering })).toBe('192.0.2.1 192.0.2.1 172.31.0.5 172.31.0.9')
})

test.each(['', 'srcaddr', '${srcaddr},${dstaddr}', '${nonsense}', '${constructor}', '${srcaddr} ${ecs-task-id}'])(
  'a format that is none is refused: %s',
  (text) => {
    expect(() => parseLogFormat(text)).toThrow(/LogFormat/)
  },
)
