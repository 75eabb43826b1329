import { expect, test } from 'vitest'
import type { FirewallRule, SubnetAcl } from '../../../src/ec2/ports/firewall.ts'
import { planPublicPorts, type PublicPortPlan } from '../../../src/network/public-ports.ts'
import { sampleInterface, sampleVpc } from './sample-vpc.ts'

function planOf(...ingress: readonly FirewallRule[]): PublicPortPlan {
  const groups = [{ id: 'sg-1', ingress, egress: [] }]
  const prefixLists = [
    { id: 'pl-1', cidrs: ['10.0.0.0/8'] },
    { id: 'pl-host', cidrs: ['2001:db8::/32', '10.0.0.0/8', '192.0.2.2/32'] },
  ]
  const interfaces = [sampleInterface(5, { publicIp: '127.80.0.10' }), sampleInterface(6)]
  const vpc = sampleVpc({ groups, prefixLists, interfaces })
  return planPublicPorts(vpc, ['192.0.2.2'])
}

function portsOf(...ingress: readonly FirewallRule[]): number[] {
  return planOf(...ingress).wanted.map(({ port }) => port)
}

test.each<[string, FirewallRule, number[]]>([
  ['from anywhere', { protocol: 'tcp', fromPort: 80, toPort: 82, cidr: '0.0.0.0/0' }, [80, 81, 82]],
  ["from the host's own address", { protocol: 'tcp', fromPort: 80, toPort: 80, cidr: '192.0.2.0/24' }, [80]],
  ['from loopback', { protocol: 'tcp', fromPort: 80, toPort: 80, cidr: '127.0.0.1/32' }, [80]],
  ['from elsewhere', { protocol: 'tcp', fromPort: 80, toPort: 80, cidr: '198.51.100.0/24' }, []],
  ['from a group', { protocol: 'tcp', fromPort: 80, toPort: 80, groupId: 'sg-1' }, []],
  ['by IPv6', { protocol: 'tcp', fromPort: 80, toPort: 80, cidr: '::/0' }, []],
  ['from a prefix list', { protocol: 'tcp', fromPort: 80, toPort: 80, prefixListId: 'pl-host' }, [80]],
  ['from a list of others', { protocol: 'tcp', fromPort: 80, toPort: 80, prefixListId: 'pl-1' }, []],
  ['by UDP', { protocol: 'udp', fromPort: 53, toPort: 53, cidr: '0.0.0.0/0' }, [53]],
  ['by ICMP', { protocol: 'icmp', cidr: '0.0.0.0/0' }, []],
  ['of no number', { protocol: 'tcp', fromPort: 0, toPort: 1, cidr: '0.0.0.0/0' }, [1]],
])('ports that are open %s', (_, rule, ports) => {
  expect(portsOf(rule)).toEqual(ports)
})

test('of a wide range the well-known ports are offered, each once, and it is told', () => {
  const rule: FirewallRule = { protocol: 'tcp', fromPort: 0, toPort: 1025, cidr: '0.0.0.0/0' }
  const other: FirewallRule = { protocol: 'udp', fromPort: 40_000, toPort: 41_023, cidr: '0.0.0.0/0' }
  const { wanted, partial } = planOf(rule, rule, other)
  expect(wanted.flatMap(({ protocol, port }) => (protocol === 'tcp' ? port : []))).toEqual([
    ...[22, 25, 53, 80, 110, 143, 443, 465, 587, 993],
  ])
  expect(wanted.filter(({ protocol }) => protocol === 'udp')).toHaveLength(1024)
  expect(partial).toEqual([{ protocol: 'tcp', publicIp: '127.80.0.10', fromPort: 1, toPort: 1025 }])
})

test('an address has a bounded number of ports, and it is told which ones it has not', () => {
  const rules = [20_000, 22_000, 24_000].map(
    (fromPort): FirewallRule => ({ protocol: 'udp', fromPort, toPort: fromPort + 999, cidr: '0.0.0.0/0' }),
  )
  const { wanted, partial } = planOf(...rules)
  expect(wanted).toHaveLength(2048)
  expect(partial).toEqual([{ protocol: 'udp', publicIp: '127.80.0.10', fromPort: 24_048, toPort: 24_999 }])
})

test('a rule for everything opens both protocols', () => {
  const { wanted, partial } = planOf({ protocol: 'all', cidr: '0.0.0.0/0' })
  expect(wanted.filter(({ port }) => port === 53).map(({ protocol }) => protocol)).toEqual(['tcp', 'udp'])
  expect(partial).toEqual([
    { protocol: 'tcp', publicIp: '127.80.0.10', fromPort: 1, toPort: 65_535 },
    { protocol: 'udp', publicIp: '127.80.0.10', fromPort: 1, toPort: 65_535 },
  ])
})

test("a subnet's network ACL must let a connection in, and its answers out", () => {
  const groups = [{ id: 'sg-1', ingress: [{ protocol: 'all', cidr: '0.0.0.0/0' } as const], egress: [] }]
  const tcp = (fromPort: number, toPort: number, isAllowed: boolean, cidr = '0.0.0.0/0') =>
    ({ protocol: 'tcp', fromPort, toPort, cidr, isAllowed }) as const
  const answers = tcp(1024, 65_535, true)
  const offered = (acl: SubnetAcl) => {
    const [subnet, other] = sampleVpc().subnets.map((present) => ({ ...present, acl }))
    const subnets = [subnet, other].flatMap((one) => one ?? [])
    const { wanted } = planPublicPorts(sampleVpc({ groups, subnets }), [])
    return wanted.filter(({ protocol }) => protocol === 'tcp').map(({ port }) => port)
  }
  expect(offered({ ingress: [tcp(22, 22, false), tcp(0, 80, true)], egress: [answers] })).toEqual([25, 53, 80])
  expect(offered({ ingress: [tcp(22, 22, true, '10.0.0.0/8')], egress: [answers] })).toEqual([])
  expect(offered({ ingress: [tcp(22, 22, true, '127.0.0.0/8')], egress: [answers] })).toEqual([22])
  expect(offered({ ingress: [tcp(22, 22, true)], egress: [tcp(0, 40_000, true)] })).toEqual([])
})

test('an interface offers at its own public address alone', () => {
  const rule: FirewallRule = { protocol: 'tcp', fromPort: 22, toPort: 22, cidr: '0.0.0.0/0' }
  const vpc = sampleVpc({ groups: [{ id: 'sg-1', ingress: [rule], egress: [] }] })
  expect(planPublicPorts(vpc, []).wanted).toEqual([
    { protocol: 'tcp', publicIp: '127.80.0.10', privateIp: '172.31.0.5', port: 22 },
  ])
})
