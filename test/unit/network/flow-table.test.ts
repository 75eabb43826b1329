import { expect, test } from 'vitest'
import { type Family, ipv4, ipv6 } from '../../../src/network/family.ts'
import { parseFlowTable, parseFlowTableNames } from '../../../src/network/flow-counts.ts'
import { flowTable, flowTableName, takeOver } from '../../../src/network/flow-table.ts'

test('the table that counts the flows of an interface', () => {
  expect(flowTable(flowTableName(1_764_483_000_000), ['eni000000000005'], [ipv4])).toMatchInlineSnapshot(`
    "table inet flows_1764483000000 {
      set eni000000000005_tcp { type mark . ipv4_addr . ipv4_addr . inet_service . inet_service; flags dynamic; size 16384; counter; }
      set eni000000000005_udp { type mark . ipv4_addr . ipv4_addr . inet_service . inet_service; flags dynamic; size 16384; counter; }
      set eni000000000005_other { type mark . ipv4_addr . ipv4_addr . inet_proto; flags dynamic; size 16384; counter; }
      counter eni000000000005_skipped { }
      chain eni000000000005 {
        update @eni000000000005_tcp { meta mark . ip saddr . ip daddr . tcp sport . tcp dport } return
        update @eni000000000005_udp { meta mark . ip saddr . ip daddr . udp sport . udp dport } return
        meta l4proto != { tcp, udp } update @eni000000000005_other { meta mark . ip saddr . ip daddr . meta l4proto } return
        meta nfproto ipv4 counter name eni000000000005_skipped
      }
      map interfaces { type ifname : verdict; elements = { "eni000000000005" : jump eni000000000005 } }
      chain tcp_flags {
        tcp flags & (fin | syn | rst) == 0 return
        tcp flags & (syn | ack) == syn meta mark set meta mark | 0x200
        tcp flags & (syn | ack) == (syn | ack) meta mark set meta mark | 0x1200
        tcp flags & fin == fin meta mark set meta mark | 0x100
        tcp flags & rst == rst meta mark set meta mark | 0x400
      }
      chain look {
        meta mark set meta mark & 0x3000000
        meta l4proto tcp jump tcp_flags
        iifname vmap @interfaces
        meta mark & 0x1000000 != 0 return
        meta mark set meta mark | 0x10
        oifname vmap @interfaces
      }
      chain forward {
        type filter hook forward priority filter + 5; policy accept;
        jump look
      }
      chain output {
        type filter hook output priority filter + 5; policy accept;
        ct direction original udp sport != 67 jump look
        ct direction original meta l4proto != udp jump look
      }
      chain input {
        type filter hook input priority filter + 5; policy accept;
        ct direction reply jump look
      }
    }
    "
  `)
})

test('flows of IPv6 have sets of their own', () => {
  const lines = (families: readonly Family[]) => flowTable('flows_1', ['eni000000000005'], families).split('\n')
  const known = new Set(lines([ipv4]))
  expect(
    lines([ipv4, ipv6])
      .filter((line) => !known.has(line))
      .join('\n'),
  ).toMatchInlineSnapshot(`
    "  set eni000000000005_tcp6 { type mark . ipv6_addr . ipv6_addr . inet_service . inet_service; flags dynamic; size 16384; counter; }
      set eni000000000005_udp6 { type mark . ipv6_addr . ipv6_addr . inet_service . inet_service; flags dynamic; size 16384; counter; }
      set eni000000000005_other6 { type mark . ipv6_addr . ipv6_addr . inet_proto; flags dynamic; size 16384; counter; }
        update @eni000000000005_tcp6 { meta mark . ip6 saddr . ip6 daddr . tcp sport . tcp dport } return
        update @eni000000000005_udp6 { meta mark . ip6 saddr . ip6 daddr . udp sport . udp dport } return
        meta l4proto != { tcp, udp } update @eni000000000005_other6 { meta mark . ip6 saddr . ip6 daddr . meta l4proto } return
        meta nfproto ipv6 counter name eni000000000005_skipped"
  `)
})

test('the next table takes over in one transaction, and the former one keeps what it has', () => {
  expect(takeOver('table inet flows_2 {\n}\n', ['flows_1'])).toMatchInlineSnapshot(`
    "table inet flows_2 {
    }

    flush chain inet flows_1 forward
    flush chain inet flows_1 output
    flush chain inet flows_1 input
    "
  `)
})

test('flow tables are told from others, the oldest first', () => {
  const tables = ['vpc', 'flows_20', 'flows_3', 'flows_of_others'].map((name) => ({ table: { family: 'inet', name } }))
  expect(parseFlowTableNames(JSON.stringify({ nftables: [{ metainfo: {} }, ...tables] }))).toEqual([
    'flows_3',
    'flows_20',
  ])
})

// As `nft -nn -j list table` of 1.0.6 prints it.
function element(concat: readonly (string | number)[]) {
  return { elem: { val: { concat }, counter: { packets: 2, bytes: 100 } } }
}

test('marks tell direction, verdict and flags', () => {
  const [source, destination] = ['172.31.0.5', '172.31.0.6']
  const tcp = [
    element([0x0200, source, destination, 40_000, 80]),
    element([0x0100_0000, source, destination, 40_000, 81]),
    // Refused by its receiver: accepted where it left.
    element([0x0200_0000, source, destination, 40_000, 82]),
    element([0x0200_0010, source, destination, 40_000, 82]),
    element([0x1210, source, destination, 80, 40_000]),
  ]
  const content = parseFlowTable(
    JSON.stringify({
      nftables: [
        { counter: { name: 'eni1_skipped', packets: 0 } },
        { counter: { name: 'eni2_skipped', packets: 3 } },
        { set: { name: 'eni1_tcp', elem: tcp } },
        { set: { name: 'eni1_udp' } },
        { set: { name: 'eni2_other', elem: [element([0, source, destination, 1])] } },
      ],
    }),
  )
  expect(content.tapNames).toEqual(['eni1', 'eni2'])
  expect(content.skippedTapNames).toEqual(['eni2'])
  expect(
    content.flows.map(({ tapName, isEntering, isAccepted, protocol, destinationPort, tcpFlags }) =>
      [tapName, isEntering ? 'in' : 'out', isAccepted, protocol, destinationPort, tcpFlags].join(' '),
    ),
  ).toEqual([
    'eni1 out true 6 80 2',
    'eni1 out false 6 81 0',
    'eni1 out true 6 82 0',
    'eni1 in false 6 82 0',
    'eni1 in true 6 40000 18',
    'eni2 out true 1 0 0',
  ])
})
