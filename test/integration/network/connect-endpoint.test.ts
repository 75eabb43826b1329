import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FirewallRule } from '../../../src/ec2/ports/firewall.ts'
import type { VpcNetwork } from '../../../src/ec2/ports/vpc-network.ts'
import { analyseEndpointPath } from '../../../src/ec2/reachability/connect-endpoint-path.ts'
import { type FakeGuest, group, networkInterface, openVpcLab, until, vpc, type VpcLab } from './vpc-lab.ts'

// What goes through an EC2 Instance Connect Endpoint: from its own addresses, past its groups and the instance's.
const ipv6Address = 'fd12:3456:789a::5'
const own = networkInterface(5, { groupIds: ['sg-1'], ipv6Addresses: [{ address: ipv6Address, names: [] }] })
const endpointIpv6 = 'fd12:3456:789a::50'
const endpoint = {
  ...{ id: 'eice-1', privateIp: '172.31.0.50', groupIds: ['sg-2'] },
  ipv6Addresses: [{ address: endpointIpv6, names: [] }],
}
const dualStack = {
  ipv6Cidrs: ['fd12:3456:789a::/56'],
  subnets: vpc().subnets.map((subnet) => ({ ...subnet, ipv6Cidr: 'fd12:3456:789a::/64' })),
}
const port = (number: number, changes: Partial<FirewallRule>): FirewallRule => ({
  protocol: 'tcp',
  fromPort: number,
  toPort: number,
  ...changes,
})
const fromEndpoint = [port(8080, { groupId: 'sg-2' }), port(8081, { groupId: 'sg-2' })]
const toGuest = [port(8080, { groupId: 'sg-1' }), port(8082, { groupId: 'sg-1' })]
let lab: VpcLab
let guest: FakeGuest

function wanted(changes: Partial<VpcNetwork> = {}): VpcNetwork {
  const groups = [group('sg-1', fromEndpoint, []), group('sg-2', [], toGuest)]
  return vpc({ ...dualStack, groups, interfaces: [own], connectEndpoints: [endpoint], ...changes })
}

beforeAll(async () => {
  lab = await openVpcLab((_, response) => response.end('metadata'))
  await lab.network().converge(vpc())
  guest = await lab.plug('vpc-1', own)
  await lab.network().converge(wanted())
  await guest.solicit()
  for (const number of [8080, 8081, 8082]) await guest.serve(number)
})
afterAll(async () => {
  expect(await lab.close(['vpc-1'])).toEqual([])
})

async function dial(number: number): Promise<string> {
  return await dialBetween(endpoint.privateIp, own.privateIp, number)
}

async function dialByIpv6(number: number): Promise<string> {
  return await dialBetween(endpointIpv6, ipv6Address, number)
}

async function dialBetween(from: string, to: string, number: number): Promise<string> {
  const patience = AbortSignal.timeout(1500)
  try {
    const socket = await lab.network().dialFrom('vpc-1', from, to, number, patience)
    const seen = await guest.run('ss', '-Htn', 'sport', '=', `:${number}`)
    socket.destroy()
    return seen.includes(`${from}]:`) ? 'open' : seen
  } catch (error) {
    return patience.aborted ? 'silent' : String(error)
  }
}

/** What `kiln net path` says of the same. */
function analyse(address: string, targetAddress: string, number: number): string {
  const source = { interfaceId: 'eni-endpoint', subnetId: 'subnet-1', address, groupIds: endpoint.groupIds }
  const target = { owner: own, address: targetAddress }
  return analyseEndpointPath(wanted(), source, target, { protocol: 'tcp', port: number }).isFound ? 'open' : 'silent'
}

test('what both groups allow goes through, and nothing else', async () => {
  const seen = await Promise.all([8080, 8081, 8082].map(dial))
  expect(seen).toEqual(['open', 'silent', 'silent'])
  expect([8080, 8081, 8082].map((number) => analyse(endpoint.privateIp, own.privateIp, number))).toEqual(seen)
})

test('by IPv6 likewise, from its IPv6 address', async () => {
  const seen = await Promise.all([8080, 8081, 8082].map(dialByIpv6))
  expect(seen).toEqual(['open', 'silent', 'silent'])
  expect([8080, 8081, 8082].map((number) => analyse(endpointIpv6, ipv6Address, number))).toEqual(seen)
})

test('the host itself goes on reaching guests whatever the groups say', async () => {
  const socket = await lab.network().dial('vpc-1', own.privateIp, 8082, AbortSignal.timeout(5000))
  socket.destroy()
})

test('rules count for what is counted in flow logs as well', async () => {
  await lab.network().converge(wanted({ interfaces: [{ ...own, isCounted: true }] }))
  expect(await Promise.all([8080, 8081].map(dial))).toEqual(['open', 'silent'])
  expect(await Promise.all([8080, 8081].map(dialByIpv6))).toEqual(['open', 'silent'])
})

test('the addresses go with the endpoint', async () => {
  const addresses = async () => await lab.inside('vpc-1', 'ip', '-br', 'addr')
  for (const address of ['172.31.0.50/32', `${endpointIpv6}/128`]) expect(await addresses()).toContain(address)
  await lab.network().converge(wanted({ connectEndpoints: [] }))
  await until(async () => !/172\.31\.0\.50\/|::50\//.test(await addresses()))
})
