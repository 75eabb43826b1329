import { expect, test } from 'vitest'
import type { AclEntry } from '../../../../src/ec2/ports/firewall.ts'
import type { ClosedNetworks } from '../../../../src/ec2/ports/network.ts'
import type { VpcNetwork } from '../../../../src/ec2/ports/vpc-network.ts'
import { analysePath, type PathEnd, type PathQuestion } from '../../../../src/ec2/reachability/analyse-path.ts'
import { describeHop } from '../../../../src/ec2/reachability/describe-hop.ts'
import { sampleInterface, sampleVpc } from '../../network/sample-vpc.ts'

// Whether the analysis agrees with packets, test/integration/network/reachability.test.ts looks at; here is what packets cannot be sent for.
const all: AclEntry = { protocol: 'all', cidr: '0.0.0.0/0', isAllowed: true }
const web = { id: 'sgr-1', protocol: 'tcp', fromPort: 80, toPort: 80, cidr: '0.0.0.0/0' } as const
const out = { id: 'sgr-2', protocol: 'all', cidr: '0.0.0.0/0' } as const
const outside: PathEnd = { kind: 'outside' }

/** A public subnet with a web server and a NAT gateway, and a private one with a client. */
function network(changes: Partial<VpcNetwork> = {}): VpcNetwork {
  return sampleVpc({
    internetGatewayId: 'igw-1',
    subnets: [
      {
        id: 'subnet-1',
        cidr: '172.31.0.0/20',
        routes: [{ destination: '0.0.0.0/0', target: { kind: 'internet' } }],
      },
      {
        id: 'subnet-2',
        cidr: '172.31.16.0/20',
        routes: [{ destination: '0.0.0.0/0', target: { kind: 'nat', natGatewayId: 'nat-1' } }],
      },
    ],
    groups: [{ id: 'sg-1', ingress: [web], egress: [out] }],
    interfaces: [
      sampleInterface(5, { publicIp: '127.80.0.10' }),
      sampleInterface(6, { subnetId: 'subnet-2', privateIp: '172.31.16.6' }),
    ],
    natGateways: [{ id: 'nat-1', subnetId: 'subnet-1', privateIp: '172.31.0.9', isPublic: true }],
    ...changes,
  })
}

function end(vpc: VpcNetwork, index: number): PathEnd {
  const owner = vpc.interfaces[index]
  if (!owner) throw new Error(`no interface ${index}`)
  return { kind: 'interface', owner }
}

function ask(vpc: VpcNetwork, source: PathEnd, destination: PathEnd, more: Partial<PathQuestion> = {}) {
  return analysePath(vpc, { protocol: 'tcp', source, destination, port: 80, ...more })
}

function codes(analysis: ReturnType<typeof analysePath>): string[] {
  return analysis.obstacles.map(({ code, isOfAnswer }) => (isOfAnswer ? `answer ${code}` : code))
}

test('a private server gets out by the NAT gateway, under its address, and is answered', () => {
  const vpc = network()
  const analysis = ask(vpc, end(vpc, 1), { kind: 'outside', address: '192.0.2.80' })
  expect(analysis.isFound).toBe(true)
  expect(analysis.forward.map(describeHop)).toMatchInlineSnapshot(`
    [
      "eni-00000000000000006",
      "sg-1 egress rule sgr-2: all 0.0.0.0/0",
      "network ACL of subnet-2 egress: lets everything pass",
      "route table of subnet-2: 0.0.0.0/0 -> nat-1",
      "network ACL of subnet-1 ingress: lets everything pass",
      "nat-1 (as 172.31.0.9)",
      "network ACL of subnet-1 egress: lets everything pass",
      "route table of subnet-1: 0.0.0.0/0 -> internet gateway",
      "igw-1",
    ]
  `)
  expect(analysis.back.map(describeHop)).toMatchInlineSnapshot(`
    [
      "igw-1",
      "network ACL of subnet-1 ingress: lets everything pass",
      "nat-1 (as 192.0.2.80)",
      "network ACL of subnet-1 egress: lets everything pass",
      "route table of subnet-1: 172.31.0.0/16 -> local",
      "network ACL of subnet-2 ingress: lets everything pass",
      "eni-00000000000000006",
    ]
  `)
})

test('a gateway without a public address lets nobody out', () => {
  const vpc = network({
    natGateways: [{ id: 'nat-1', subnetId: 'subnet-1', privateIp: '172.31.0.9', isPublic: false }],
  })
  expect(codes(ask(vpc, end(vpc, 1), outside))).toEqual(['IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS'])
})

test('the internet gets in at a public address, by a rule, where a route leads out', () => {
  const vpc = network()
  expect(ask(vpc, outside, end(vpc, 0)).isFound).toBe(true)
  expect(codes(ask(vpc, outside, end(vpc, 0), { port: 81 }))).toEqual(['ENI_SG_RULES_MISMATCH'])
  expect(codes(ask(vpc, outside, end(vpc, 1)))).toContain('IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS')
  const cut = network({ subnets: vpc.subnets.map((subnet) => ({ ...subnet, routes: [] })) })
  expect(codes(ask(cut, outside, end(cut, 0)))).toEqual(['NO_ROUTE_TO_DESTINATION', 'answer NO_ROUTE_TO_DESTINATION'])
})

test('who may come is enough where nobody is named, and is looked at where somebody is', () => {
  const vpc = network({ groups: [{ id: 'sg-1', ingress: [{ ...web, cidr: '198.51.100.0/24' }], egress: [out] }] })
  expect(ask(vpc, outside, end(vpc, 0)).isFound).toBe(true)
  expect(ask(vpc, { kind: 'outside', address: '198.51.100.7' }, end(vpc, 0)).isFound).toBe(true)
  expect(codes(ask(vpc, { kind: 'outside', address: '127.0.0.1' }, end(vpc, 0)))).toEqual(['ENI_SG_RULES_MISMATCH'])
})

test('everything in the way is told at once, with what it was', () => {
  const deny: AclEntry = { ...all, isAllowed: false, ruleNumber: 90 }
  const base = network({ groups: [{ id: 'sg-1', ingress: [], egress: [] }] })
  const vpc = {
    ...base,
    subnets: base.subnets.map((subnet) => ({ ...subnet, acl: { id: 'acl-1', ingress: [deny, all], egress: [all] } })),
  }
  const analysis = ask(vpc, end(vpc, 1), end(vpc, 0))
  expect(analysis.isFound).toBe(false)
  expect(analysis.obstacles.map(({ code, text }) => `${code}: ${text}`)).toMatchInlineSnapshot(`
    [
      "SG_HAS_NO_RULES: sg-1 of eni-00000000000000006 lets nothing out",
      "SUBNET_ACL_RESTRICTION: the network ACL acl-1 of subnet-1 stops tcp from 172.31.16.6 to 172.31.0.5 port 80: ingress entry 90 denies it",
      "SG_HAS_NO_RULES: sg-1 of eni-00000000000000005 lets nothing in",
      "SUBNET_ACL_RESTRICTION: the network ACL acl-1 of subnet-2 stops tcp from 172.31.0.5 to 172.31.16.6 port 32768: ingress entry 90 denies it",
    ]
  `)
})

test('an ACL that lets some ports of clients be answered says which', () => {
  const vpc = network({
    subnets: network().subnets.map((subnet) => ({
      ...subnet,
      ...(subnet.id === 'subnet-2'
        ? {
            acl: {
              ingress: [{ protocol: 'tcp', fromPort: 40_000, toPort: 65_535, cidr: '0.0.0.0/0', isAllowed: true }],
              egress: [all],
            },
          }
        : {}),
    })),
  })
  const analysis = ask(vpc, end(vpc, 1), end(vpc, 0))
  expect(analysis.isFound).toBe(true)
  expect(analysis.sourcePorts).toEqual([{ from: 40_000, to: 60_999 }])
  expect(codes(ask(vpc, end(vpc, 1), end(vpc, 0), { sourcePort: 39_999 }))).toEqual(['answer SUBNET_ACL_RESTRICTION'])
})

test('addresses that nobody has, and routes that lead nowhere', () => {
  const vpc = network()
  const to = (address: string) => codes(ask(vpc, end(vpc, 0), { kind: 'outside', address }))
  expect(to('172.31.0.77')).toEqual(['NO_POSSIBLE_DESTINATION'])
  expect(to('224.0.0.1')).toEqual(['NO_POSSIBLE_DESTINATION'])
  expect(to('127.0.0.1')).toEqual(['NO_POSSIBLE_DESTINATION'])
  const blackhole = network({
    subnets: vpc.subnets.map((subnet) => ({
      ...subnet,
      routes: [{ destination: '192.0.2.0/24', target: { kind: 'blackhole' as const } }],
    })),
  })
  expect(codes(ask(blackhole, end(blackhole, 0), { kind: 'outside', address: '192.0.2.1' }))).toEqual([
    'BAD_STATE_ROUTE',
  ])
  expect(codes(ask(blackhole, end(blackhole, 0), { kind: 'outside', address: '198.51.100.1' }))).toEqual([
    'NO_ROUTE_TO_DESTINATION',
  ])
})

test('the way out ends before the host and its LAN', () => {
  const vpc = network()
  const closed = { hostAddresses: ['192.168.1.7', '198.51.100.7'], lanBlocks: ['192.168.1.0/24', '198.51.100.0/24'] }
  const stops = (address: string, from = 0, around: ClosedNetworks = closed) => {
    const question = {
      protocol: 'tcp',
      source: end(vpc, from),
      destination: { kind: 'outside', address },
      port: 80,
    } as const
    const { obstacles, forward } = analysePath(vpc, question, { closed: around })
    expect(obstacles.every(({ hop }) => hop === forward.at(-1))).toBe(true)
    return obstacles.map(({ code, text }) => `${code}: ${text}`)
  }
  expect(stops('192.168.1.1')).toMatchInlineSnapshot(`
    [
      "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS: 192.168.1.1 is in 192.168.1.0/24, a network that this host is directly connected to: servers reach none of its machines until the host's configuration says network.reachLan: true",
    ]
  `)
  // By a NAT gateway as well.
  expect(stops('192.168.1.1', 1)).toEqual(stops('192.168.1.1'))
  expect(stops('192.168.1.7')).toMatchInlineSnapshot(`
    [
      "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS: 192.168.1.7 is this host itself, which no server reaches by the way out",
    ]
  `)
  expect(stops('198.51.100.1')).toMatchInlineSnapshot(`
    [
      "NO_POSSIBLE_DESTINATION: 198.51.100.1 is in 198.51.100.0/24, a network that this host is directly connected to: servers reach none of its machines until the host's configuration says network.reachLan: true",
    ]
  `)
  expect(stops('192.168.2.1')).toEqual([])
  const open = { ...closed, lanBlocks: [] }
  expect(stops('192.168.1.1', 0, open)).toEqual([])
  expect(stops('192.168.1.7', 0, open)).toEqual(stops('192.168.1.7'))
  // Everybody out there is not of a LAN that happens to have the address which stands for them.
  const strange = { hostAddresses: ['192.0.2.1'], lanBlocks: ['192.0.2.0/24'] }
  const everybody = { protocol: 'tcp', source: end(vpc, 0), destination: outside, port: 443 } as const
  expect(analysePath(vpc, everybody, { closed: strange }).isFound).toBe(true)
  // Who of the LAN may come in is answered.
  const guest = { kind: 'outside', address: '192.168.1.1' } as const
  expect(
    analysePath(vpc, { protocol: 'tcp', source: guest, destination: end(vpc, 0), port: 80 }, { closed }).isFound,
  ).toBe(true)
})

test('a question by ICMP needs a rule for it, and its answer none', () => {
  const ping = { protocol: 'icmp', icmpType: 8, cidr: '172.31.0.0/16' } as const
  const vpc = network({ groups: [{ id: 'sg-1', ingress: [ping], egress: [out] }] })
  const { port: _port, ...question } = { protocol: 'icmp' as const, port: 0 }
  expect(analysePath(vpc, { ...question, source: end(vpc, 1), destination: end(vpc, 0) }).isFound).toBe(true)
  const closed = network()
  expect(codes(analysePath(closed, { ...question, source: end(closed, 1), destination: end(closed, 0) }))).toEqual([
    'ENI_SG_RULES_MISMATCH',
  ])
})

test('an instance reaches itself, whatever its groups say', () => {
  const vpc = network({ groups: [] })
  expect(ask(vpc, end(vpc, 0), end(vpc, 0)).isFound).toBe(true)
})
