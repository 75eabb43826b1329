import { expect, test } from 'vitest'
import { guardRuleset } from '../../../src/network/guard-ruleset.ts'
import { vpcRuleset } from '../../../src/network/ruleset.ts'
import { dualStackVpc } from './sample-vpc.ts'

/** What IPv6 adds to a ruleset, each line under the chain that it is in. */
function added(withIpv6: string, without: string): string {
  const known = new Set(linesByChain(without))
  return linesByChain(withIpv6)
    .filter((line) => !known.has(line))
    .join('\n')
}

function linesByChain(ruleset: string): string[] {
  let chain = ''
  return ruleset.split('\n').map((line) => {
    const name = /^ {2}chain (\S+) \{/.exec(line)?.[1]
    if (name !== undefined) chain = name
    else if (line.startsWith('    ')) return `${chain}: ${line.trim()}`
    return line
  })
}

const plain = { ...dualStackVpc(), ipv6Cidrs: [] }

test('what IPv6 adds to the ruleset of a VPC', () => {
  const hostAddresses = ['192.0.2.2', '2001:db8::2']
  expect(added(vpcRuleset(dualStackVpc(), hostAddresses), vpcRuleset(plain, hostAddresses))).toMatchInlineSnapshot(`
    "  set sg_1_members6 { type ipv6_addr; elements = { fd12:3456:789a::5, fd12:3456:789a::55 }; }
      set sg_2_members6 { type ipv6_addr; }
      set pl_1_members6 { type ipv6_addr; flags interval; auto-merge; elements = { 2001:db8::/32 }; }
    dns_by_tcp: iifname "eni*" ip6 daddr fd00:ec2::253 tcp dport 53 dnat ip6 to [fd00:ec2::253]:5301
    sg_1_in: ip6 saddr @sg_1_members6 meta l4proto tcp accept comment "sg-1"
    sg_1_in: ip6 saddr @sg_2_members6 accept comment "sg-1"
    sg_1_in: meta nfproto ipv6 accept comment "sg-1"
    sg_1_in: ip6 saddr @sg_1_members6 meta l4proto icmpv6 accept comment "sg-1"
    sg_1_in: ip6 saddr @pl_1_members6 tcp dport 443 accept comment "sg-1"
      set internet_senders6 { type ifname . ipv6_addr; elements = { "eni000000000005" . fd12:3456:789a::5, "eni000000000005" . fd12:3456:789a::55 }; }
    internet_gateway: ip6 daddr { fd12:3456:789a::/56 } drop
    internet_gateway: iifname . ip6 saddr @internet_senders6 return
    forward: ip6 daddr { ::/127, ::ffff:0:0/96, fd00:ec2::/32, fe80::/10, ff00::/8 } drop
    forward: oifname "egress0" ip6 daddr { 2001:db8::2 } drop
    input: iifname "eni*" ip6 daddr fd00:ec2::253 udp dport 53 accept
    input: iifname "eni*" ip6 daddr fd00:ec2::253 tcp dport 5301 ct status dnat accept
    input: icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept
    input: iifname "eni*" ip6 saddr fe80::/10 udp dport 5470 accept
    input: iifname "eni*" ip6 daddr fd00:ec2::254 tcp dport 8773 accept
    input: iifname "eni*" ip6 daddr fd00:ec2::123 udp dport 123 accept
    input: iifname @metadata_guests6 ip6 daddr fd00:ec2::254 tcp dport 80 accept
    input: iifname "eni*" ip6 daddr fd00:ec2::254 tcp dport 80 reject with tcp reset
      set metadata_guests6 { type ifname; elements = { "eni000000000005" }; }
      set guests6 { type ifname; elements = { "eni000000000005", "eni000000000006" }; }
      chain leaving6 {
    leaving6: type filter hook postrouting priority raw; policy accept;
    leaving6: oifname "eni*" oifname != @guests6 icmpv6 type nd-router-advert drop
    leaving6: oifname "eni*" ip6 daddr ff02::/16 meta mark set 0x40000000
    leaving6: oifname "eni*" icmpv6 type nd-redirect drop
    leaving6: oifname "eni*" ip6 saddr fe80::/10 udp sport 5470 udp sport set 547
    metadata_answer: ip6 daddr fd12:3456:789a::5 @ih,0,8 != 0 ip6 hoplimit set 1
    metadata_answer: ip6 daddr fd12:3456:789a::55 @ih,0,8 != 0 ip6 hoplimit set 1
    output: oifname "egress0" ip6 daddr { fd12:3456:789a::/56 } reject with icmpv6 type addr-unreachable
    output: ip6 saddr fd00:ec2::254 tcp sport 80 jump metadata_answer"
  `)
})

test('what IPv6 adds to the guard', () => {
  expect(added(guardRuleset(dualStackVpc(), 1024), guardRuleset(plain, 1024))).toMatchInlineSnapshot(`
    "  set guests6 { type ifname; }
      set macs6 { type ifname . ether_addr; }
      set own6 { type ifname . ether_addr . ipv6_addr; }
      set neighbour_rate { type ifname; size 65535; flags dynamic; }
      chain neighbours6 { }
      chain link_local6 { }
      chain arriving6 { }
    flush chain inet guard neighbours6
    flush chain inet guard link_local6
    flush chain inet guard arriving6
    flush set inet guard guests6
    flush set inet guard macs6
    flush set inet guard own6
      set guests6 { type ifname; elements = { "eni000000000005", "eni000000000006" }; }
      set macs6 { type ifname . ether_addr; elements = { "eni000000000005" . 02:00:00:00:00:05, "eni000000000006" . 02:00:00:00:00:06 }; }
      set own6 { type ifname . ether_addr . ipv6_addr; elements = { "eni000000000005" . 02:00:00:00:00:05 . fd12:3456:789a::5, "eni000000000005" . 02:00:00:00:00:05 . fd12:3456:789a::55 }; }
      chain neighbours6 {
    neighbours6: update @neighbour_rate { iifname limit rate over 10/second burst 50 packets } update @flood { iifname counter } drop
    neighbours6: icmpv6 type nd-neighbor-advert @th,64,128 0xfe800000000000000000000000000001 update @forged { iifname counter } drop
    neighbours6: ip6 saddr { ::, fe80::/10 } iifname . ether saddr @macs6 accept
    neighbours6: iifname . ether saddr . ip6 saddr @own6 accept
    neighbours6: update @forged { iifname counter } drop
      chain link_local6 {
    link_local6: iifname . ether saddr != @macs6 update @forged { iifname counter } drop
    link_local6: udp sport 546 udp dport 547 ip6 daddr set fe80::1 udp dport set 5470 accept
    link_local6: drop
      chain arriving6 {
    arriving6: iifname != @guests6 drop
    arriving6: ip6 saddr fe80::1 update @forged { iifname counter } drop
    arriving6: udp dport 546 update @forged { iifname counter } drop
    arriving6: icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } goto neighbours6
    arriving6: udp dport 547 update @dhcp_rate { iifname limit rate over 10/second burst 50 packets } update @flood { iifname counter } drop
    arriving6: ip6 saddr fe80::/10 goto link_local6
    arriving6: ip6 daddr ff00::/8 drop
    arriving6: ip6 daddr fd00:ec2::253 th dport 53 update @dns_rate { iifname limit rate over 1024/second burst 1024 packets } update @flood { iifname counter } drop
    arriving6: ip6 daddr { fd00:ec2::/32, fe80::/10 } update @service_rate { iifname limit rate over 1024/second burst 1024 packets } update @flood { iifname counter } drop
    arriving6: iifname . ether saddr . ip6 saddr @own6 accept
    arriving6: ip6 saddr != fd00:ec2::/32 fib daddr type != local iifname . ether saddr @routers accept
    arriving6: update @forged { iifname counter } drop
    arriving: meta mark 0x40000000 drop
    arriving: meta nfproto ipv6 goto arriving6"
  `)
})

test('network ACLs and routed guests have entries of both families', () => {
  const acl = {
    ingress: [
      { protocol: 'tcp', fromPort: 22, toPort: 22, cidr: '2001:db8::/32', isAllowed: false },
      { protocol: 'all', cidr: '::/0', isAllowed: true },
    ],
    egress: [
      { protocol: 'icmpv6', icmpType: 128, icmpCode: 0, cidr: '::/0', isAllowed: true },
      { protocol: 58, cidr: 'fd00::/8', isAllowed: true },
    ],
  } as const
  const subnets = dualStackVpc().subnets.map((subnet) => ({
    ...subnet,
    acl,
    routes: [{ destination: '10.0.0.0/8', target: { kind: 'interface', interfaceId: 'eni-1' } }] as const,
  }))
  const lines = linesByChain(vpcRuleset(dualStackVpc({ subnets }), []))
  expect(lines.filter((line) => /^(subnet_1_|destination_check)/.test(line)).join('\n')).toMatchInlineSnapshot(`
    "destination_check: oifname . ip daddr @receivers return
    destination_check: oifname . ip6 daddr @receivers6 return
    destination_check: oifname @carriers return
    destination_check: drop
    subnet_1_in: ip6 saddr 2001:db8::/32 tcp dport 22 goto refused_entering
    subnet_1_in: meta nfproto ipv6 return
    subnet_1_in: goto refused_entering
    subnet_1_out: meta nfproto ipv6 icmpv6 type 128 icmpv6 code 0 return
    subnet_1_out: ip6 daddr fd00::/8 meta l4proto 58 return
    subnet_1_out: goto refused_leaving"
  `)
})

test('a peering connection carries the blocks of both families that both sides have', () => {
  const peerings = [
    {
      id: 'pcx-00000000000000001',
      peerVpcId: 'vpc-2',
      isInterRegion: false,
      cidrs: ['10.9.0.0/16', 'fd99::/56'],
      groups: [{ id: 'sg-2', addresses: ['10.9.0.5', 'fd99::5'] }],
    },
  ]
  const lines = vpcRuleset(dualStackVpc({ peerings, groups: dualStackVpc().groups.slice(0, 1) }), []).split('\n')
  expect(lines.filter((line) => /pcx|sg_2/.test(line)).join('\n')).toMatchInlineSnapshot(`
    "  set sg_2_members { type ifname . ipv4_addr; elements = { "pcx000000000001" . 10.9.0.5 }; }
      set sg_2_members6 { type ifname . ipv6_addr; elements = { "pcx000000000001" . fd99::5 }; }
        iifname "pcx000000000001" ip saddr { 10.9.0.0/16 } ip daddr { 172.31.0.0/16 } return
        iifname "pcx000000000001" ip6 saddr { fd99::/56 } ip6 daddr { fd12:3456:789a::/56 } return
        oifname "pcx000000000001" ip saddr { 172.31.0.0/16 } ip daddr { 10.9.0.0/16 } return
        oifname "pcx000000000001" ip6 saddr { fd12:3456:789a::/56 } ip6 daddr { fd99::/56 } return
        iifname . ip saddr @sg_2_members accept comment "sg-1"
        iifname . ip6 saddr @sg_2_members6 accept comment "sg-1"
        iifname "pcx*" jump peering_entered
        oifname "pcx*" jump peering_left
        iifname { "eni*", "nat*" } oifname "pcx*" accept
        iifname "pcx*" oifname "eni*" goto to_interface"
  `)
})
