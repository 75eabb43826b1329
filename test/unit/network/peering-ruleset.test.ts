import { expect, test } from 'vitest'
import type { PeeringNetwork, SubnetNetwork } from '../../../src/ec2/ports/vpc-network.ts'
import { ipv4 } from '../../../src/network/family.ts'
import { parseKernelRouting } from '../../../src/network/kernel-routing.ts'
import { peeringRuleset } from '../../../src/network/peering-ruleset.ts'
import { routingOf } from '../../../src/network/routing-table.ts'
import { vpcRuleset } from '../../../src/network/ruleset.ts'
import { sampleInterface, sampleVpc } from './sample-vpc.ts'

const peering: PeeringNetwork = {
  id: 'pcx-0123456789abcdef0',
  peerVpcId: 'vpc-2',
  isInterRegion: false,
  cidrs: ['10.2.0.0/16', '10.3.0.0/16'],
  groups: [{ id: 'sg-9', addresses: ['10.2.0.5'] }],
}

test('a wire carries what goes between the two VPCs, to and from guests alone', () => {
  const { declarations, checks, passage } = peeringRuleset(sampleVpc({ peerings: [peering] }))
  expect([...declarations, ...checks, ...passage].join('\n')).toMatchInlineSnapshot(`
    "  set sg_9_members { type ifname . ipv4_addr; elements = { "pcx56789abcdef0" . 10.2.0.5 }; }
      chain peering_entered {
        oifname "nat*" ct state new,invalid,untracked drop
        oifname != { "eni*", "nat*" } drop
        iifname "pcx56789abcdef0" ip saddr { 10.2.0.0/16, 10.3.0.0/16 } ip daddr { 172.31.0.0/16 } return
        drop
      }
      chain peering_left {
        oifname "pcx56789abcdef0" ip saddr { 172.31.0.0/16 } ip daddr { 10.2.0.0/16, 10.3.0.0/16 } return
        drop
      }
        iifname "pcx*" jump peering_entered
        oifname "pcx*" jump peering_left
        iifname { "eni*", "nat*" } oifname "pcx*" accept
        iifname "pcx*" oifname "eni*" goto to_interface"
  `)
  expect(peeringRuleset(sampleVpc({ peerings: [] }))).toEqual({ declarations: [], checks: [], passage: [] })
})

test('a rule that names a peer’s group looks at the wire as well as at the address', () => {
  const rule = { protocol: 'tcp', fromPort: 80, toPort: 80, groupId: 'sg-9' } as const
  const groups = [{ id: 'sg-1', ingress: [rule], egress: [rule] }]
  const interfaces = [sampleInterface(5, { groupIds: ['sg-1'] })]
  const lines = vpcRuleset(sampleVpc({ groups, interfaces, peerings: [peering] }), []).split('\n')
  expect(lines.filter((line) => line.includes('sg_9_members')).join('\n')).toMatchInlineSnapshot(`
    "  set sg_9_members { type ifname . ipv4_addr; elements = { "pcx56789abcdef0" . 10.2.0.5 }; }
        iifname . ip saddr @sg_9_members tcp dport 80 accept comment "sg-1"
        oifname . ip daddr @sg_9_members tcp dport 80 meta mark set 1 return comment "sg-1""
  `)
  expect(vpcRuleset(sampleVpc({ groups, interfaces, peerings: [] }), [])).not.toContain('sg_9')
})

test('a route over a wire goes with it, and leaves a blackhole', () => {
  const target = { kind: 'peering', peeringConnectionId: peering.id } as const
  const routed: SubnetNetwork = {
    id: 'subnet-1',
    cidr: '172.31.0.0/20',
    routes: [{ destination: '10.2.0.0/16', target }],
  }
  const linesWith = (peerings: readonly PeeringNetwork[]) =>
    routingOf(sampleVpc({ subnets: [routed], interfaces: [sampleInterface(5)], peerings })).tables.flatMap(
      ({ routes }) => routes,
    )
  expect(linesWith([peering])).toContain('10.2.0.0/16 dev pcx56789abcdef0')
  expect(linesWith([])).not.toContain('10.2.0.0/16 dev pcx56789abcdef0')
  for (const peerings of [[peering], []]) expect(linesWith(peerings)).toContain('blackhole 10.2.0.0/16 metric 1000')
  const told = '[{"dst":"10.2.0.0/16","dev":"pcx56789abcdef0","table":"268435457","scope":"link","flags":[]}]'
  expect([...(parseKernelRouting(`[]\n${told}\n`, ipv4).tables.get(268_435_457) ?? [])]).toEqual([
    '10.2.0.0/16 dev pcx56789abcdef0',
  ])
})
