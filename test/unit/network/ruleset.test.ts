import { expect, test } from 'vitest'
import { refusedRules } from '../../../src/network/firewall.ts'
import { groupOfLine, vpcRuleset } from '../../../src/network/ruleset.ts'
import { sampleInterface, sampleVpc } from './sample-vpc.ts'
import { resolverAddress } from '../../../src/ec2/ports/service-address.ts'

test('the ruleset of a VPC with rules of every kind', () => {
  expect(vpcRuleset(sampleVpc(), ['192.0.2.2', '10.0.2.15'])).toMatchInlineSnapshot(`
    "table inet vpc
    delete table inet vpc
    table inet vpc {
      set sg_1_members { type ipv4_addr; elements = { 172.31.0.5, 172.31.0.6 }; }
      set sg_2_members { type ipv4_addr; elements = { 172.31.0.6 }; }
      set pl_1_members { type ipv4_addr; flags interval; auto-merge; elements = { 10.1.0.0/16, 10.1.2.0/24 }; }
      chain dns_by_tcp {
        type nat hook prerouting priority dstnat; policy accept;
        iifname "eni*" ip daddr { 169.254.169.253, 172.31.0.2 } tcp dport 53 dnat ip to 169.254.169.253:5301
      }
      chain refused_leaving {
        drop
      }
      chain refused_entering {
        drop
      }
      chain sg_1_in {
        meta nfproto ipv4 tcp dport 22 accept comment "sg-1"
        ip saddr 10.0.0.0/8 udp dport 5000-5010 accept comment "sg-1"
        ip saddr @sg_1_members meta l4proto tcp accept comment "sg-1"
        ip saddr 172.31.0.0/16 icmp type 8 icmp code 0 accept comment "sg-1"
        ip saddr 172.31.0.0/16 meta l4proto icmp accept comment "sg-1"
        ip saddr 192.0.2.1/32 meta l4proto 50 accept comment "sg-1"
        ip saddr @sg_2_members accept comment "sg-1"
        ip saddr @pl_1_members tcp dport 443 accept comment "sg-1"
      }
      chain sg_1_out {
        meta nfproto ipv4 meta mark set 1 return comment "sg-1"
      }
      chain sg_2_in {
      }
      chain sg_2_out {
      }
      chain groups_0_in {
        jump sg_1_in
        goto refused_entering
      }
      chain groups_1_in {
        jump sg_1_in
        jump sg_2_in
        goto refused_entering
      }
      chain to_interface {
        oifname vmap { "eni000000000005" : goto groups_0_in, "eni000000000006" : goto groups_1_in }
        goto refused_entering
      }
      chain groups_0_out {
        jump sg_1_out
        meta mark 1 return
        goto refused_leaving
      }
      chain groups_1_out {
        jump sg_1_out
        jump sg_2_out
        meta mark 1 return
        goto refused_leaving
      }
      chain from_interface {
        iifname vmap { "eni000000000005" : goto groups_0_out, "eni000000000006" : goto groups_1_out }
        goto refused_leaving
      }
      set internet_senders { type ifname . ipv4_addr; elements = { "eni000000000005" . 172.31.0.5 }; }
      chain internet_gateway {
        ip daddr { 172.31.0.0/16 } drop
        iifname . ip saddr @internet_senders return
        drop
      }
      chain standing {
        accept
      }
      chain forward {
        type filter hook forward priority filter; policy drop;
        oifname "egress0" jump internet_gateway
        ct state established,related goto standing
        iifname "eni*" ct state invalid goto refused_leaving
        ct state invalid goto refused_entering
        ip daddr { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/4, 255.255.255.255 } drop
        oifname "egress0" ip daddr { 192.0.2.2, 10.0.2.15 } drop
        iifname "eni*" meta mark set 0
        iifname "eni*" jump from_interface
        iifname "eni*" oifname "egress0" accept
        oifname "eni*" iifname "eni*" goto to_interface
      }
      chain input {
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
        iifname "eni*" ip daddr { 169.254.169.253, 172.31.0.2 } udp dport 53 accept
        iifname "eni*" ip daddr 169.254.169.253 tcp dport 5301 ct status dnat accept
        ct state established,related accept
        iifname "eni*" udp dport 67 accept
        iifname "eni*" ip daddr 169.254.169.254 tcp dport { 80, 8773 } accept
        iifname "eni*" ip daddr 169.254.169.123 udp dport 123 accept
      }
      chain metadata_answer {
        ct mark 2 return
        @ih,0,72 0x485454502f312e3120 @ih,136,16 != 0x582d ct mark set 2 return
        ip daddr 172.31.0.5 @ih,0,8 != 0 ip ttl set 1
        ip daddr 172.31.0.6 @ih,0,8 != 0 ip ttl set 64
      }
      chain output {
        type filter hook output priority filter; policy accept;
        oifname "egress0" ip daddr { 172.31.0.0/16 } reject with icmp type host-unreachable
        ip saddr 169.254.169.254 tcp sport 80 jump metadata_answer
      }
      chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "egress0" masquerade
      }
    }
    "
  `)
})

test('the ruleset of a VPC without guests', () => {
  expect(vpcRuleset(sampleVpc({ groups: [], interfaces: [] }), [])).toMatchInlineSnapshot(`
    "table inet vpc
    delete table inet vpc
    table inet vpc {
      set pl_1_members { type ipv4_addr; flags interval; auto-merge; elements = { 10.1.0.0/16, 10.1.2.0/24 }; }
      chain dns_by_tcp {
        type nat hook prerouting priority dstnat; policy accept;
        iifname "eni*" ip daddr { 169.254.169.253, 172.31.0.2 } tcp dport 53 dnat ip to 169.254.169.253:5301
      }
      chain refused_leaving {
        drop
      }
      chain refused_entering {
        drop
      }
      chain to_interface {
        goto refused_entering
      }
      chain from_interface {
        goto refused_leaving
      }
      set internet_senders { type ifname . ipv4_addr; }
      chain internet_gateway {
        ip daddr { 172.31.0.0/16 } drop
        iifname . ip saddr @internet_senders return
        drop
      }
      chain standing {
        accept
      }
      chain forward {
        type filter hook forward priority filter; policy drop;
        oifname "egress0" jump internet_gateway
        ct state established,related goto standing
        iifname "eni*" ct state invalid goto refused_leaving
        ct state invalid goto refused_entering
        ip daddr { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/4, 255.255.255.255 } drop
        iifname "eni*" meta mark set 0
        iifname "eni*" jump from_interface
        iifname "eni*" oifname "egress0" accept
        oifname "eni*" iifname "eni*" goto to_interface
      }
      chain input {
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
        iifname "eni*" ip daddr { 169.254.169.253, 172.31.0.2 } udp dport 53 accept
        iifname "eni*" ip daddr 169.254.169.253 tcp dport 5301 ct status dnat accept
        ct state established,related accept
        iifname "eni*" udp dport 67 accept
        iifname "eni*" ip daddr 169.254.169.254 tcp dport { 80, 8773 } accept
        iifname "eni*" ip daddr 169.254.169.123 udp dport 123 accept
      }
      chain metadata_answer {
        ct mark 2 return
        @ih,0,72 0x485454502f312e3120 @ih,136,16 != 0x582d ct mark set 2 return
      }
      chain output {
        type filter hook output priority filter; policy accept;
        oifname "egress0" ip daddr { 172.31.0.0/16 } reject with icmp type host-unreachable
        ip saddr 169.254.169.254 tcp sport 80 jump metadata_answer
      }
      chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "egress0" masquerade
      }
    }
    "
  `)
})

test('a subnet with a network ACL has its edge checked packet by packet, in both directions', () => {
  const acl = {
    ingress: [
      { protocol: 'tcp', fromPort: 22, toPort: 22, cidr: '192.0.2.0/24', isAllowed: false },
      { protocol: 'all', cidr: '0.0.0.0/0', isAllowed: true },
    ],
    egress: [
      { protocol: 'udp', fromPort: 53, toPort: 53, cidr: '0.0.0.0/0', isAllowed: true },
      { protocol: 'icmp', icmpType: 8, cidr: '10.0.0.0/8', isAllowed: true },
      { protocol: 58, cidr: '::/0', isAllowed: true },
    ],
  } as const
  const empty = { id: 'subnet-3', cidr: '172.31.32.0/20', routes: [], acl }
  const [first, second] = sampleVpc().subnets.map((subnet) => ({ ...subnet, acl }))
  const lines = vpcRuleset(sampleVpc({ subnets: [first, second, empty].flatMap((subnet) => subnet ?? []) }), [])
  const checks = lines.split('\n').filter((line) => /subnets?_/.test(line))
  expect(checks).toMatchInlineSnapshot(`
    [
      "  set subnet_1_taps { type ifname; elements = { "eni000000000005", "eni000000000006" }; }",
      "  chain subnet_1_in {",
      "  chain subnet_1_out {",
      "  chain subnets_left {",
      "    iifname @subnet_1_taps oifname != @subnet_1_taps jump subnet_1_out",
      "  chain subnets_entered {",
      "    oifname @subnet_1_taps iifname != @subnet_1_taps jump subnet_1_in",
      "    jump subnets_entered",
      "    jump subnets_left",
      "    jump subnets_entered",
    ]
  `)
  expect(lines.slice(lines.indexOf('chain subnet_1_in'), lines.indexOf('chain subnets_left'))).toMatchInlineSnapshot(`
    "chain subnet_1_in {
        ip saddr 192.0.2.0/24 tcp dport 22 goto refused_entering
        meta nfproto ipv4 return
        goto refused_entering
      }
      chain subnet_1_out {
        meta nfproto ipv4 udp dport 53 return
        ip daddr 10.0.0.0/8 icmp type 8 return
        goto refused_leaving
      }
      "
  `)
  const forward = lines.slice(lines.indexOf('chain forward'))
  expect(forward.indexOf('jump subnets_left')).toBeLessThan(forward.indexOf('ct state established'))
})

test('what is refused is marked, and dropped at the end, where packets are counted for flow logs', () => {
  const counted = vpcRuleset(sampleVpc({ interfaces: [sampleInterface(5, { isCounted: true })] }), [])
  expect(
    counted.slice(counted.indexOf('chain refused_leaving'), counted.indexOf('chain sg_1_in')),
  ).toMatchInlineSnapshot(`
    "chain refused_leaving {
        meta mark set 0x1000000 accept
      }
      chain refused_entering {
        meta mark set 0x2000000 accept
      }
      chain refused {
        type filter hook forward priority filter + 10; policy accept;
        meta mark & 0x3000000 != 0 drop
      }
      "
  `)
  expect(vpcRuleset(sampleVpc(), [])).not.toContain('chain refused {')
})

test('only the rules of groups may be left out, and nft tells them by their lines', () => {
  const lines = vpcRuleset(sampleVpc(), []).split('\n')
  const rule = lines.findIndex((line) => line.includes('udp dport 5000-5010'))
  const fixed = lines.findIndex((line) => line.includes('ct state invalid drop'))
  expect(groupOfLine(lines[rule] ?? '')).toBe('sg-1')
  const stderr = [
    `/dev/stdin:${rule + 1}:5-20: Error: Service out of range`,
    lines[rule],
    '    ^^^^^',
    `/dev/stdin:${fixed + 1}:5-12: Error: syntax error, unexpected drop`,
  ].join('\n')
  expect(refusedRules(stderr, lines)).toEqual(new Map([[rule, 'Service out of range']]))
})

test('the resolver has the second address of the VPC', () => {
  expect(resolverAddress('10.1.128.0/17')).toBe('10.1.128.2')
})
