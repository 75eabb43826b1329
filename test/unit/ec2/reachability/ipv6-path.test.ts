import { expect, test } from 'vitest'
import type { AclEntry, FirewallRule } from '../../../../src/ec2/ports/firewall.ts'
import type { VpcNetwork } from '../../../../src/ec2/ports/vpc-network.ts'
import { analysePath, type PathEnd, type PathQuestion } from '../../../../src/ec2/reachability/analyse-path.ts'
import { describeHop } from '../../../../src/ec2/reachability/describe-hop.ts'
import { sampleInterface, sampleVpc } from '../../network/sample-vpc.ts'

const web: FirewallRule = { id: 'sgr-1', protocol: 'tcp', fromPort: 80, toPort: 80, cidr: 'fd12:3456:789a::/56' }
const out: FirewallRule = { id: 'sgr-2', protocol: 'all', cidr: '::/0' }
const someone: PathEnd = { kind: 'outside', address: '2001:db8:1::80' }

/** Two servers with addresses of both families, a public subnet and one with an egress-only gateway. */
function network(changes: Partial<VpcNetwork> = {}): VpcNetwork {
  const address = (number: number) => [{ address: `fd12:3456:789a:${number}::5`, names: [] }]
  return sampleVpc({
    ipv6Cidrs: ['fd12:3456:789a::/56'],
    internetGatewayId: 'igw-1',
    egressOnlyGatewayId: 'eigw-1',
    subnets: [
      {
        ...{ id: 'subnet-1', cidr: '172.31.0.0/20', ipv6Cidr: 'fd12:3456:789a:1::/64' },
        routes: [{ destination: '::/0', target: { kind: 'internet' } }],
      },
      {
        ...{ id: 'subnet-2', cidr: '172.31.16.0/20', ipv6Cidr: 'fd12:3456:789a:2::/64' },
        routes: [{ destination: '::/0', target: { kind: 'egress-only' } }],
      },
    ],
    groups: [{ id: 'sg-1', ingress: [web], egress: [out] }],
    interfaces: [
      sampleInterface(5, { ipv6Addresses: address(1) }),
      sampleInterface(6, { subnetId: 'subnet-2', privateIp: '172.31.16.6', ipv6Addresses: address(2) }),
      sampleInterface(7),
    ],
    ...changes,
  })
}

function end(vpc: VpcNetwork, index: number, address?: string): PathEnd {
  const owner = vpc.interfaces[index]
  if (!owner) throw new Error(`no interface ${index}`)
  return { kind: 'interface', owner, ...(address === undefined ? {} : { address }) }
}

function ask(vpc: VpcNetwork, source: PathEnd, destination: PathEnd, more: Partial<PathQuestion> = {}) {
  return analysePath(vpc, { protocol: 'tcp', source, destination, port: 80, ...more })
}

const codes = (analysis: ReturnType<typeof analysePath>) => analysis.obstacles.map(({ code }) => code)

test('what has no address outside gets out by IPv6 all the same, by either gateway, and is answered', () => {
  const vpc = network()
  const byEgressOnly = ask(vpc, end(vpc, 1), someone)
  expect(byEgressOnly.isFound).toBe(true)
  expect(byEgressOnly.forward.map(describeHop)).toMatchInlineSnapshot(`
    [
      "eni-00000000000000006",
      "sg-1 egress rule sgr-2: all ::/0",
      "network ACL of subnet-2 egress: lets everything pass",
      "route table of subnet-2: ::/0 -> egress-only internet gateway",
      "eigw-1",
    ]
  `)
  expect(byEgressOnly.back.map(describeHop)).toMatchInlineSnapshot(`
    [
      "eigw-1",
      "network ACL of subnet-2 ingress: lets everything pass",
      "eni-00000000000000006",
    ]
  `)
  expect(byEgressOnly.assumptions).toEqual(['the host itself has a way to the internet by IPv6'])
  const byInternet = ask(vpc, end(vpc, 0), someone)
  expect(byInternet.isFound).toBe(true)
  expect(byInternet.forward.map(describeHop).at(-1)).toBe('igw-1')
})

test('from outside nobody comes to a unique local address', () => {
  const vpc = network({ groups: [{ id: 'sg-1', ingress: [{ ...web, cidr: '::/0' }], egress: [out] }] })
  expect(codes(ask(vpc, { kind: 'outside' }, end(vpc, 0, 'fd12:3456:789a:1::5')))).toEqual([
    'IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS',
  ])
})

test('rules count for their own family, and those that name groups for both', () => {
  const there = (vpc: VpcNetwork) => ask(vpc, end(vpc, 1), end(vpc, 0, 'fd12:3456:789a:1::5'))
  expect(there(network()).isFound).toBe(true)
  const withRules = (ingress: FirewallRule, egress = out) =>
    network({ groups: [{ id: 'sg-1', ingress: [ingress], egress: [egress] }] })
  const everybody = { protocol: 'all', cidr: '0.0.0.0/0' } as const
  expect(codes(there(withRules(everybody)))).toEqual(['ENI_SG_RULES_MISMATCH'])
  expect(codes(there(withRules(web, everybody)))).toEqual(['ENI_SG_RULES_MISMATCH'])
  expect(there(withRules({ protocol: 'all', groupId: 'sg-1' })).isFound).toBe(true)
})

test('a question by ICMP is one of ICMPv6', () => {
  const ping = (rule: FirewallRule) => {
    const vpc = network({ groups: [{ id: 'sg-1', ingress: [rule], egress: [out] }] })
    return ask(vpc, end(vpc, 1), end(vpc, 0, 'fd12:3456:789a:1::5'), { protocol: 'icmp' }).isFound
  }
  expect(ping({ protocol: 'icmpv6', icmpType: 128, cidr: '::/0' })).toBe(true)
  expect(ping({ protocol: 58, cidr: '::/0' })).toBe(true)
  expect(ping({ protocol: 'icmpv6', icmpType: 129, cidr: '::/0' })).toBe(false)
  expect(ping({ protocol: 'icmp', groupId: 'sg-1' })).toBe(false)
})

test('a network ACL looks at IPv6 by its entries for it', () => {
  const withEntries = (...ingress: AclEntry[]) => {
    const base = network()
    const acl = { id: 'acl-1', ingress, egress: [{ ...out, isAllowed: true }] }
    return { ...base, subnets: base.subnets.map((subnet) => ({ ...subnet, acl })) }
  }
  const there = (vpc: VpcNetwork) => codes(ask(vpc, end(vpc, 1), end(vpc, 0, 'fd12:3456:789a:1::5')))
  expect(there(withEntries({ protocol: 'all', cidr: '::/0', isAllowed: true }))).toEqual([])
  expect(there(withEntries({ protocol: 'all', cidr: '0.0.0.0/0', isAllowed: true }))).toEqual([
    'SUBNET_ACL_RESTRICTION',
    'SUBNET_ACL_RESTRICTION',
  ])
})

test('who has no IPv6 address neither sends nor gets anything by it', () => {
  const vpc = network()
  expect(ask(vpc, end(vpc, 2), someone).obstacles).toMatchObject([
    { code: 'NO_POSSIBLE_DESTINATION', text: 'eni-00000000000000007 has no IPv6 address' },
  ])
  expect(codes(ask(vpc, end(vpc, 1, 'fd12:3456:789a:2::5'), end(vpc, 2)))).toEqual(['NO_POSSIBLE_DESTINATION'])
  expect(codes(ask(vpc, end(vpc, 0), { kind: 'outside', address: 'fd12:3456:789a:1::77' }))).toEqual([
    'NO_POSSIBLE_DESTINATION',
  ])
  expect(codes(ask(vpc, end(vpc, 0), { kind: 'outside', address: 'ff02::1' }))).toEqual(['NO_POSSIBLE_DESTINATION'])
})
