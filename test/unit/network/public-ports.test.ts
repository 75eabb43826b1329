import { expect, test } from 'vitest'
import type { FirewallRule, SubnetAcl } from '../../../src/ec2/ports/network.ts'
import { wantedPorts } from '../../../src/network/public-ports.ts'
import { sampleInterface, sampleVpc } from './sample-vpc.ts'

function portsOf(...ingress: readonly FirewallRule[]): number[] {
  const groups = [{ id: 'sg-1', ingress, egress: [] }]
  const prefixLists = [
    { id: 'pl-1', cidrs: ['10.0.0.0/8'] },
    { id: 'pl-host', cidrs: ['2001:db8::/32', '10.0.0.0/8', '192.0.2.2/32'] },
  ]
  const interfaces = [sampleInterface(5, { publicIp: '127.80.0.10' }), sampleInterface(6)]
  const vpc = sampleVpc({ groups, prefixLists, interfaces })
  return wantedPorts(vpc, ['192.0.2.2']).map(({ port }) => port)
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
  ['by UDP', { protocol: 'udp', fromPort: 80, toPort: 80, cidr: '0.0.0.0/0' }, []],
  ['of no number', { protocol: 'tcp', fromPort: 0, toPort: 1, cidr: '0.0.0.0/0' }, [1]],
])('ports that are open %s', (_, rule, ports) => {
  expect(portsOf(rule)).toEqual(ports)
})

test('of a wide range the well-known ports are offered, each once', () => {
  const rule: FirewallRule = { protocol: 'tcp', fromPort: 20, toPort: 443, cidr: '0.0.0.0/0' }
  expect(portsOf(rule, rule)).toEqual([22, 25, 53, 80, 110, 143, 443])
})

test("a subnet's network ACL must let a connection in, and its answers out", () => {
  const groups = [{ id: 'sg-1', ingress: [{ protocol: 'all', cidr: '0.0.0.0/0' } as const], egress: [] }]
  const tcp = (fromPort: number, toPort: number, isAllowed: boolean, cidr = '0.0.0.0/0') =>
    ({ protocol: 'tcp', fromPort, toPort, cidr, isAllowed }) as const
  const answers = tcp(1024, 65_535, true)
  const offered = (acl: SubnetAcl) => {
    const [subnet, other] = sampleVpc().subnets.map((present) => ({ ...present, acl }))
    return wantedPorts(sampleVpc({ groups, subnets: [subnet, other].flatMap((one) => one ?? []) }), []).map(
      ({ port }) => port,
    )
  }
  expect(offered({ ingress: [tcp(22, 22, false), tcp(0, 80, true)], egress: [answers] })).toEqual([25, 53, 80])
  expect(offered({ ingress: [tcp(22, 22, true, '10.0.0.0/8')], egress: [answers] })).toEqual([])
  expect(offered({ ingress: [tcp(22, 22, true, '127.0.0.0/8')], egress: [answers] })).toEqual([22])
  expect(offered({ ingress: [tcp(22, 22, true)], egress: [tcp(0, 40_000, true)] })).toEqual([])
})

test('an interface offers at its own public address alone', () => {
  const rule: FirewallRule = { protocol: 'tcp', fromPort: 22, toPort: 22, cidr: '0.0.0.0/0' }
  const vpc = sampleVpc({ groups: [{ id: 'sg-1', ingress: [rule], egress: [] }] })
  expect(wantedPorts(vpc, [])).toEqual([{ publicIp: '127.80.0.10', privateIp: '172.31.0.5', port: 22 }])
})
