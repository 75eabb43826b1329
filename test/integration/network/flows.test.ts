import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FlowCount, FlowReading } from '../../../src/ec2/ports/flow-count.ts'
import type { AclEntry } from '../../../src/ec2/ports/firewall.ts'
import type { RouteNetwork } from '../../../src/ec2/ports/route.ts'
import type { VpcNetwork } from '../../../src/ec2/ports/vpc-network.ts'
import {
  anywhere,
  anywhereByIpv6,
  type FakeGuest,
  group,
  networkInterface,
  openVpcLab,
  until,
  vpc,
  type VpcLab,
} from './vpc-lab.ts'

let lab: VpcLab
let web: FakeGuest
let client: FakeGuest
let readings: FlowReading[] = []

const gateway = { id: 'nat-00000000000000009', subnetId: 'subnet-3', privateIp: '172.31.32.9', isPublic: false }
const clientTap = 'eni000000000005'
const webTap = 'eni000000000016'
const clientIpv6 = 'fd12:3456:789a::5'
const webIpv6 = 'fd12:3456:789a:1::6'
const allAllowed: AclEntry = { ...anywhere, isAllowed: true }

/** A client, and a web server in a subnet of its own, both counted; with `gatewayAcl` a NAT gateway between them, too, in a subnet with that ACL. */
function wanted(
  changes: {
    acl?: { ingress: AclEntry[]; egress: AclEntry[] }
    egress?: boolean
    counted?: boolean
    gatewayAcl?: { ingress: AclEntry[]; egress: AclEntry[] }
  } = {},
): VpcNetwork {
  const { acl, egress = true, counted = true, gatewayAcl } = changes
  const byGateway: RouteNetwork = { destination: '172.31.16.0/20', target: { kind: 'nat', natGatewayId: gateway.id } }
  const [subnet] = vpc().subnets
  if (!subnet) throw new Error('the lab has no subnet')
  return vpc({
    ipv6Cidrs: ['fd12:3456:789a::/56'],
    subnets: [
      {
        ...subnet,
        ...{ id: 'subnet-1', cidr: '172.31.0.0/20', ipv6Cidr: 'fd12:3456:789a::/64' },
        ...(gatewayAcl ? { routes: [byGateway] } : {}),
      },
      { ...subnet, id: 'subnet-2', cidr: '172.31.16.0/20', ipv6Cidr: 'fd12:3456:789a:1::/64', ...(acl ? { acl } : {}) },
      ...(gatewayAcl ? [{ id: 'subnet-3', cidr: '172.31.32.0/20', routes: [], acl: gatewayAcl }] : []),
    ],
    natGateways: gatewayAcl ? [{ ...gateway, isCounted: counted }] : [],
    groups: [
      group('sg-1', [], egress ? [anywhere, anywhereByIpv6] : []),
      group('sg-2', [
        { protocol: 'tcp', fromPort: 8078, toPort: 8080, cidr: '0.0.0.0/0' },
        { protocol: 'tcp', fromPort: 8078, toPort: 8080, cidr: '::/0' },
      ]),
    ],
    interfaces: [
      networkInterface(5, {
        groupIds: ['sg-1'],
        isCounted: counted,
        ipv6Addresses: [{ address: clientIpv6, names: [] }],
      }),
      networkInterface(22, {
        subnetId: 'subnet-2',
        privateIp: '172.31.16.6',
        groupIds: ['sg-2'],
        isCounted: counted,
        ipv6Addresses: [{ address: webIpv6, names: [] }],
      }),
    ],
  })
}

/**
 * What was counted since the last time, as `TAP in|out ACCEPT|REJECT PROTOCOL PORT`, each once. The server goes on answering a connection
 * whose answers were stopped before: `port` tells which one is meant.
 */
async function read(port?: number): Promise<string[]> {
  const flows = await readCounts()
  const wantedFlows = flows.filter(
    ({ sourcePort, destinationPort }) => port === undefined || port === sourcePort || port === destinationPort,
  )
  return [...new Set(wantedFlows.map(shorten))].sort()
}

async function readCounts(): Promise<readonly FlowCount[]> {
  readings = []
  await lab.network().readFlows()
  return readings.flatMap(({ flows }) => flows)
}

function shorten({ tapName, isEntering, isAccepted, protocol, destinationPort, sourcePort }: FlowCount): string {
  const port = destinationPort > 0 && destinationPort < 10_000 ? destinationPort : `from ${sourcePort}`
  const who = tapName === webTap ? 'web' : tapName === clientTap ? 'client' : tapName
  return `${who} ${isEntering ? 'in' : 'out'} ${isAccepted ? 'ACCEPT' : 'REJECT'} ${protocol} ${port}`
}

beforeAll(async () => {
  lab = await openVpcLab((_, response) => response.end('PLAIN'), { onFlowReading: (reading) => readings.push(reading) })
  await lab.network().converge(vpc())
  const [one, two] = wanted().interfaces
  if (!one || !two) throw new Error('the lab has no interfaces')
  client = await lab.plug('vpc-1', one)
  web = await lab.plug('vpc-1', two)
  await lab.network().converge(wanted())
  await web.serve(8080)
  await web.serve(8079)
  // Counting follows the firewall on its own.
  await until(async () => (await lab.inside('vpc-1', 'nft', 'list', 'tables')).includes('flows_'))
})
afterAll(async () => {
  expect(await lab.close(['vpc-1'])).toEqual([])
})

test('flows of IPv6 are counted and refused as others are', async () => {
  for (const [guest, address] of [
    [client, clientIpv6],
    [web, webIpv6],
  ] as const) {
    await guest.run('ip', '-6', 'addr', 'add', `${address}/128`, 'dev', 'eth0', 'nodad')
    await until(async () => (await guest.run('ip', '-6', 'route', 'show', 'default')) !== '')
  }
  await readCounts()
  expect(await client.tcp(webIpv6, 8080)).toBe('open')
  expect(await client.tcp(webIpv6, 8081)).toBe('silent')
  const counts = await readCounts()
  expect([...new Set(counts.map(shorten))].sort()).toEqual([
    'client in ACCEPT 6 from 8080',
    'client out ACCEPT 6 8080',
    'client out ACCEPT 6 8081',
    'web in ACCEPT 6 8080',
    'web in REJECT 6 8081',
    'web out ACCEPT 6 from 8080',
  ])
  expect(new Set(counts.flatMap(({ source, destination }) => [source, destination]))).toEqual(
    new Set([clientIpv6, webIpv6]),
  )
})

test('both ends of a connection count the packets of both directions, and each packet once', async () => {
  await readCounts()
  expect(await client.tcp('172.31.16.6', 8080)).toBe('open')
  await client.evaluate(`return await new Promise((resolve) => {
    const socket = require('net').connect(8080, '172.31.16.6', () => socket.end('x'.repeat(5000)))
    socket.on('data', () => {}).on('close', resolve)
  })`)
  const counts = await readCounts()
  expect([...new Set(counts.map(shorten))].sort()).toEqual([
    'client in ACCEPT 6 from 8080',
    'client out ACCEPT 6 8080',
    'web in ACCEPT 6 8080',
    'web out ACCEPT 6 from 8080',
  ])
  const sum = (tapName: string, isEntering: boolean, member: 'packets' | 'bytes') =>
    counts
      .filter((count) => count.tapName === tapName && count.isEntering === isEntering)
      .reduce((total, count) => total + count[member], 0)
  for (const member of ['packets', 'bytes'] as const) {
    expect(sum(clientTap, false, member)).toBe(sum(webTap, true, member))
    expect(sum(clientTap, true, member)).toBe(sum(webTap, false, member))
  }
  expect(sum(webTap, true, 'bytes')).toBeGreaterThan(5000)
  const flags = (tapName: string, isEntering: boolean) =>
    counts
      .filter((count) => count.tapName === tapName && count.isEntering === isEntering)
      .reduce((total, count) => total | count.tcpFlags, 0)
  expect(flags(clientTap, false) & 0b11).toBe(0b11)
  expect(flags(clientTap, true) & 18).toBe(18)
  expect(await read()).toEqual([])
})

test('a group that lets nothing in is a REJECT at the receiver, one that lets nothing out at the sender alone', async () => {
  expect(await client.tcp('172.31.16.6', 8081)).toBe('silent')
  expect(await read()).toEqual(['client out ACCEPT 6 8081', 'web in REJECT 6 8081'])
  await lab.network().converge(wanted({ egress: false }))
  expect(await client.tcp('172.31.16.6', 8080)).toBe('silent')
  expect(await read()).toEqual(['client out REJECT 6 8080'])
  await lab.network().converge(wanted())
})

test('a network ACL that stops the answers of a connection is a REJECT of them', async () => {
  await lab.network().converge(wanted({ acl: { ingress: [allAllowed], egress: [] } }))
  expect(await client.tcp('172.31.16.6', 8079)).toBe('silent')
  expect(await read(8079)).toEqual(['client out ACCEPT 6 8079', 'web in ACCEPT 6 8079', 'web out REJECT 6 from 8079'])
  await lab.network().converge(wanted({ acl: { ingress: [], egress: [allAllowed] }, egress: false }))
  expect(await client.tcp('172.31.16.6', 8080)).toBe('silent')
  expect(await read(8080)).toEqual(['client out REJECT 6 8080'])
  await lab.network().converge(wanted())
})

test('a NAT gateway has records of its own interface: of both sides, and of what the network ACL there stops', async () => {
  const open = { ingress: [allAllowed], egress: [allAllowed] }
  await lab.network().converge(wanted({ gatewayAcl: open }))
  await until(async () => (await lab.inside('vpc-1', 'nft', 'list', 'ruleset')).includes('set nat000000000009_tcp'))
  await readCounts()
  expect(await client.tcp('172.31.16.6', 8080)).toBe('open')
  const counts = (await readCounts()).filter(({ tapName }) => tapName === 'nat000000000009')
  const described = counts.map(
    ({ isEntering, isAccepted, source, destination }) =>
      `${isEntering ? 'in' : 'out'} ${isAccepted ? 'ACCEPT' : 'REJECT'} ${source} > ${destination}`,
  )
  expect([...new Set(described)].sort()).toEqual([
    'in ACCEPT 172.31.0.5 > 172.31.16.6',
    'in ACCEPT 172.31.16.6 > 172.31.32.9',
    'out ACCEPT 172.31.16.6 > 172.31.0.5',
    'out ACCEPT 172.31.32.9 > 172.31.16.6',
  ])
  await lab.network().converge(wanted({ gatewayAcl: { ...open, ingress: [] } }))
  // At a port of its own: the server says again what it was kept from saying at another one.
  expect(await client.tcp('172.31.16.6', 8078)).toBe('silent')
  expect(await read(8078)).toEqual(['client out ACCEPT 6 8078', 'nat000000000009 in REJECT 6 8078'])
  await lab.network().converge(wanted())
  await until(async () => !(await lab.inside('vpc-1', 'nft', 'list', 'ruleset')).includes('set nat000000000009_tcp'))
})

test('what a guest asks its router for is not counted, what the host has with it is', async () => {
  await client.evaluate(`return await new Promise((resolve) => {
    require('http').get('http://169.254.169.254/latest/', (response) => response.resume().on('end', resolve))
  })`)
  await client.evaluate(`const resolver = new (require('dns').promises.Resolver)({ timeout: 1000, tries: 1 })
    resolver.setServers(['172.31.0.2'])
    return await resolver.resolve4('ip-172-31-0-5.ec2.internal')`)
  expect(await read(8080)).toEqual([])
  const socket = await lab.network().dial('vpc-1', '172.31.16.6', 8080, AbortSignal.timeout(5000))
  await new Promise((resolve) => socket.once('data', resolve))
  socket.destroy()
  expect(await read(8080)).toEqual(['web in ACCEPT 6 8080', 'web out ACCEPT 6 from 8080'])
})

test('nothing is lost by a change of the rules or by another daemon, and nothing is told twice', async () => {
  await readCounts()
  expect(await client.tcp('172.31.16.6', 8080)).toBe('open')
  await lab.network().converge(wanted({ acl: { ingress: [allAllowed], egress: [allAllowed] } }))
  expect(await client.tcp('172.31.16.6', 8080)).toBe('open')
  await lab.restart(['vpc-1'])
  readings = []
  await lab.network().converge(wanted())
  await until(() => readings.length > 0)
  const [reading] = readings
  const syns = reading?.flows.filter(
    ({ tapName, tcpFlags, isEntering }) => tapName === webTap && isEntering && tcpFlags === 2,
  )
  expect(syns?.reduce((sum, { packets }) => sum + packets, 0)).toBe(2)
  expect(await read(8080)).toEqual([])
})

test('more flows than are kept are told of, and cost the other interface nothing', async () => {
  await lab.network().converge(wanted({ egress: false }))
  await client.evaluate(`const socket = require('dgram').createSocket('udp4')
    await new Promise((resolve) => socket.bind(40000, resolve))
    for (let port = 1; port <= 20000; port++) await new Promise((resolve) => socket.send('x', port, '172.31.16.6', resolve))
    socket.close()`)
  const counts = await readCounts()
  expect(readings.map(({ skippedTapNames }) => skippedTapNames)).toEqual([[clientTap]])
  expect(counts.filter(({ tapName, protocol }) => tapName === clientTap && protocol === 17).length).toBeLessThan(20_000)
  await lab.network().converge(wanted())
  await readCounts()
  expect(await client.tcp('172.31.16.6', 8080)).toBe('open')
  expect((await read(8080)).length).toBe(4)
})

test('interfaces that are counted no more have their last flows told, and then cost nothing', async () => {
  expect(await client.tcp('172.31.16.6', 8080)).toBe('open')
  readings = []
  await lab.network().converge(wanted({ counted: false }))
  await until(() => readings.length > 0)
  expect(readings.flatMap(({ flows }) => flows).length).toBeGreaterThan(0)
  expect(await lab.inside('vpc-1', 'nft', 'list', 'tables')).toBe('table inet guard\ntable arp guard\ntable inet vpc')
})
