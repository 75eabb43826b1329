import { expect, test } from 'vitest'
import { parseDropped } from '../../../src/network/dropped-packets.ts'
import { guardRuleset } from '../../../src/network/guard-ruleset.ts'
import { sampleVpc } from './sample-vpc.ts'

test('the guard of a VPC with an interface that may route for others', () => {
  expect(guardRuleset(sampleVpc(), 1024)).toMatchInlineSnapshot(`
    "table inet guard {
      set own { type ifname . ether_addr . ipv4_addr; }
      set macs { type ifname . ether_addr; }
      set routers { type ifname . ether_addr; }
      set forged { type ifname; size 65535; flags dynamic; counter; }
      set flood { type ifname; size 65535; flags dynamic; counter; }
      set dhcp_rate { type ifname; size 65535; flags dynamic; }
      set dns_rate { type ifname; size 65535; flags dynamic; }
      set service_rate { type ifname; size 65535; flags dynamic; }
      set connections { type ifname; size 65535; flags dynamic; }
      chain arriving { type filter hook prerouting priority raw; policy accept; }
      chain tracked { type filter hook prerouting priority mangle; policy accept; }
    }
    table arp guard {
      set own { type ifname . ether_addr . ipv4_addr; }
      set macs { type ifname . ether_addr; }
      set routers { type ifname . ether_addr; }
      set forged { type ifname; size 65535; flags dynamic; counter; }
      set flood { type ifname; size 65535; flags dynamic; counter; }
      set arp_rate { type ifname; size 65535; flags dynamic; }
      chain arriving { type filter hook input priority filter; policy accept; }
    }
    flush chain inet guard arriving
    flush chain inet guard tracked
    flush chain arp guard arriving
    flush set inet guard own
    flush set inet guard macs
    flush set inet guard routers
    flush set arp guard own
    flush set arp guard macs
    flush set arp guard routers
    table inet guard {
      set own { type ifname . ether_addr . ipv4_addr; elements = { "eni000000000005" . 02:00:00:00:00:05 . 172.31.0.5, "eni000000000006" . 02:00:00:00:00:06 . 172.31.0.6 }; }
      set macs { type ifname . ether_addr; elements = { "eni000000000005" . 02:00:00:00:00:05, "eni000000000006" . 02:00:00:00:00:06 }; }
      set routers { type ifname . ether_addr; elements = { "eni000000000006" . 02:00:00:00:00:06 }; }
      chain arriving {
        iifname != "eni*" accept
        meta l4proto tcp ip daddr != { 169.254.0.0/16, 224.0.0.0/4, 172.31.0.2 } iifname . ether saddr . ip saddr @own accept
        icmpv6 type { nd-router-advert, nd-redirect } update @forged { iifname counter } drop
        meta nfproto ipv6 drop
        ip daddr 224.0.0.0/4 drop
        udp sport 67 udp dport 68 update @forged { iifname counter } drop
        udp dport 67 update @dhcp_rate { iifname limit rate over 10/second burst 50 packets } update @flood { iifname counter } drop
        ip daddr { 169.254.169.253, 172.31.0.2 } th dport 53 update @dns_rate { iifname limit rate over 1024/second burst 1024 packets } update @flood { iifname counter } drop
        ip daddr { 169.254.0.0/16, 172.31.0.2 } update @service_rate { iifname limit rate over 1024/second burst 1024 packets } update @flood { iifname counter } drop
        iifname . ether saddr . ip saddr @own accept
        ip saddr 0.0.0.0 udp dport 67 iifname . ether saddr @macs accept
        fib daddr type != local iifname . ether saddr @routers accept
        update @forged { iifname counter } drop
      }
      chain tracked {
        iifname "eni*" ct state new add @connections { iifname ct count over 16384 } update @flood { iifname counter } drop
      }
    }
    table arp guard {
      set own { type ifname . ether_addr . ipv4_addr; elements = { "eni000000000005" . 02:00:00:00:00:05 . 172.31.0.5, "eni000000000006" . 02:00:00:00:00:06 . 172.31.0.6 }; }
      set macs { type ifname . ether_addr; elements = { "eni000000000005" . 02:00:00:00:00:05, "eni000000000006" . 02:00:00:00:00:06 }; }
      set routers { type ifname . ether_addr; elements = { "eni000000000006" . 02:00:00:00:00:06 }; }
      chain arriving {
        iifname != "eni*" accept
        iifname . arp saddr ether . arp saddr ip @own accept
        arp saddr ip 0.0.0.0 iifname . arp saddr ether @macs accept
        iifname . arp saddr ether @routers update @arp_rate { iifname limit rate over 20/second burst 50 packets } update @flood { iifname counter } drop
        iifname . arp saddr ether @routers accept
        update @forged { iifname counter } drop
      }
    }
    "
  `)
})

test('counts are read by tap, of both tables, and others passed over', () => {
  const count = (val: string, packets: number) => ({ elem: { val, counter: { packets, bytes: 1 } } })
  const listed = {
    nftables: [
      { metainfo: { version: '1.0.6' } },
      { set: { family: 'inet', table: 'guard', name: 'forged', elem: [count('eni1', 3)] } },
      { set: { family: 'inet', table: 'guard', name: 'dhcp_rate', elem: [{ elem: { val: 'eni1', limit: {} } }] } },
      { set: { family: 'inet', table: 'guard', name: 'flood', elem: [count('eni1', 5), count('eni2', 7)] } },
      { set: { family: 'arp', table: 'guard', name: 'forged', elem: [count('eni1', 4)] } },
      { set: { family: 'arp', table: 'guard', name: 'own' } },
      { set: { family: 'inet', table: 'vpc', name: 'sg_1_members', elem: ['10.0.0.1'] } },
    ],
  }
  expect([...parseDropped(JSON.stringify(listed))]).toEqual([
    ['eni1', { forged: 7, flood: 5 }],
    ['eni2', { forged: 0, flood: 7 }],
  ])
})
