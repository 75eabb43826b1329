import { expect, test } from 'vitest'
import type { RouteNetwork, RouteTarget } from '../../../src/ec2/ports/route.ts'
import type { VpcNetwork } from '../../../src/ec2/ports/vpc-network.ts'
import { ipv4, ipv6 } from '../../../src/network/family.ts'
import { additions, parseKernelRouting, removals } from '../../../src/network/kernel-routing.ts'
import { natSetUp } from '../../../src/network/nat-gateway.ts'
import { natRuleset } from '../../../src/network/nat-ruleset.ts'
import { routingOf } from '../../../src/network/routing-table.ts'
import { vpcRuleset } from '../../../src/network/ruleset.ts'
import { dualStackVpc, sampleInterface, sampleVpc, toInternet } from './sample-vpc.ts'

const gateway = { id: 'nat-0aaaaaaaaaaaaaaa9', subnetId: 'subnet-1', privateIp: '172.31.0.9', isPublic: true }

function to(destination: string, target: RouteTarget): RouteNetwork {
  return { destination, target }
}

/** A guest in each of the sample's two subnets, the second with those routes. */
function routedVpc(routes: readonly RouteNetwork[], changes: Partial<VpcNetwork> = {}): VpcNetwork {
  return sampleVpc({
    secondaryCidrs: ['10.9.0.0/16'],
    subnets: [
      { id: 'subnet-1', cidr: '172.31.0.0/20', routes: [toInternet] },
      { id: 'subnet-2', cidr: '172.31.16.0/20', routes },
    ],
    interfaces: [
      sampleInterface(5, { hasSourceDestCheck: false, publicIp: '127.80.0.10' }),
      sampleInterface(6, { subnetId: 'subnet-2', privateIp: '172.31.16.6' }),
    ],
    natGateways: [gateway],
    ...changes,
  })
}

const everyKind = [
  to('0.0.0.0/0', { kind: 'nat', natGatewayId: gateway.id }),
  to('192.0.2.0/24', { kind: 'internet' }),
  to('198.51.100.7/32', { kind: 'interface', interfaceId: sampleInterface(5).id }),
  to('198.51.100.0/24', { kind: 'blackhole' }),
  to('203.0.113.0/24', { kind: 'interface', interfaceId: 'eni-gone' }),
  to('172.31.16.0/20', { kind: 'interface', interfaceId: sampleInterface(5).id }),
]

test('a subnet whose only way is the internet, or none, needs no table', () => {
  expect(routingOf(sampleVpc())).toEqual({ tables: [], marks: new Map() })
})

test('a table leads on to the main one, by next hops, or nowhere', () => {
  const { tables, marks } = routingOf(routedVpc(everyKind))
  expect(tables).toMatchInlineSnapshot(`
    [
      {
        "id": 271524717,
        "routes": [
          "throw 172.31.0.0/16",
          "throw 10.9.0.0/16",
          "default via 172.31.0.9 dev nataaaaaaaaaaa9 onlink",
          "blackhole default metric 1000",
          "throw 192.0.2.0/24",
          "198.51.100.7 via 172.31.0.5 dev eni000000000005 onlink",
          "blackhole 198.51.100.7 metric 1000",
          "blackhole 198.51.100.0/24 metric 1000",
          "blackhole 203.0.113.0/24 metric 1000",
        ],
      },
    ]
  `)
  expect([...marks]).toEqual([['eni000000000006', tables[0]?.id]])
})

test('subnets with the same ways share a table, and other ways have another number', () => {
  const base = routedVpc(everyKind)
  const shared = base.subnets.map((subnet) => ({ ...subnet, routes: [to('10.0.0.0/8', { kind: 'blackhole' })] }))
  const { tables, marks } = routingOf({ ...base, subnets: shared })
  expect(tables).toHaveLength(1)
  expect([...marks.keys()]).toEqual(['eni000000000005', 'eni000000000006'])
  expect(tables[0]?.id).not.toBe(routingOf(base).tables[0]?.id)
})

test('what routes through a guest and a NAT gateway add to the ruleset', () => {
  const plain = new Set(vpcRuleset(routedVpc([]), []).split('\n'))
  const added = vpcRuleset(routedVpc(everyKind), [])
    .split('\n')
    .filter((line) => !plain.has(line))
  expect(added.join('\n')).toMatchInlineSnapshot(`
    "  map routing_tables { type ifname : mark; elements = { "eni000000000006" : 271524717 }; }
      chain prerouting {
        type filter hook prerouting priority mangle; policy accept;
        meta mark set iifname map @routing_tables
      set receivers { type ifname . ipv4_addr; elements = { "eni000000000006" . 172.31.16.6 }; }
      set carriers { type ifname; elements = { "eni000000000005" }; }
      chain destination_check {
        oifname . ip daddr @receivers return
        oifname @carriers return
      set nat_senders { type ifname . ipv4_addr; elements = { "nataaaaaaaaaaa9" . 172.31.0.9 }; }
      set internet_senders { type ifname . ipv4_addr; elements = { "eni000000000005" . 172.31.0.5, "nataaaaaaaaaaa9" . 172.31.0.9 }; }
        oifname "eni*" jump destination_check
        iifname "nat*" iifname . ip saddr != @nat_senders drop
        iifname "eni*" oifname "nat*" accept
        iifname "nat*" oifname { "egress0", "nat*" } accept
        iifname "nat*" oifname "eni*" goto to_interface"
  `)
})

test('the kernel is brought to the tables, and loses others only when it is told', () => {
  const routing = routingOf(routedVpc(everyKind.slice(0, 2)))
  const id = routing.tables[0]?.id ?? 0
  const nothing = { rules: new Set<number>(), tables: new Map() }
  expect(additions(routing, nothing, ipv4)).toHaveLength((routing.tables[0]?.routes.length ?? 0) + 1)
  const complete = {
    rules: new Set([id, 7]),
    tables: new Map([
      [id, new Set(routing.tables[0]?.routes)],
      [8, new Set(['x'])],
    ]),
  }
  expect(additions(routing, complete, ipv4)).toEqual([])
  expect(removals(routing, complete)).toEqual(['rule del fwmark 7 lookup 7 priority 1000', 'route flush table 8'])
  const foreign = {
    rules: new Set([id]),
    tables: new Map([[id, new Set([...(routing.tables[0]?.routes ?? []), 'default dev lo'])]]),
  }
  expect(additions(routing, foreign, ipv4)).toEqual([`route del default dev lo table ${id}`])
})

test('the kernel tells of its tables as they were asked for', () => {
  const output = `[{"priority":0,"src":"all","table":"local"},{"priority":1000,"src":"all","fwmark":"0x1234","table":"4660"},{"priority":32766,"src":"all","table":"main"}]
[{"type":"blackhole","dst":"default","table":"4660","metric":1000,"flags":[]},{"type":"throw","dst":"172.31.0.0/16","table":"4660","flags":[]},{"dst":"198.51.100.7","gateway":"172.31.0.5","dev":"eni5","table":"4660","flags":["onlink","linkdown"]},{"type":"local","dst":"127.0.0.1","dev":"lo","table":"local","protocol":"kernel","scope":"host","prefsrc":"127.0.0.1","flags":[]},{"dst":"172.31.0.5","dev":"eni5","scope":"link","flags":[]}]
`
  expect(parseKernelRouting(output, ipv4)).toEqual({
    rules: new Set([4660]),
    tables: new Map([
      [
        4660,
        new Set([
          'blackhole default metric 1000',
          'throw 172.31.0.0/16',
          '198.51.100.7 via 172.31.0.5 dev eni5 onlink',
        ]),
      ],
    ]),
  })
})

test('what a NAT gateway is made of', () => {
  expect(natSetUp(sampleVpc(), gateway).addresses).toMatchInlineSnapshot(`
    [
      "link set lo up",
      "addr replace 172.31.0.9/32 dev eth0",
      "link set eth0 mtu 8500 up",
      "route replace 172.31.0.1 dev eth0 src 172.31.0.9",
      "route replace default via 172.31.0.1 dev eth0 src 172.31.0.9",
    ]
  `)
  expect(natRuleset('172.31.0.9')).toMatchInlineSnapshot(`
    "table ip nat_gateway {
      ct timeout silent_tcp { protocol tcp; l3proto ip; policy = { established : 350 }; }
      ct timeout silent_udp { protocol udp; l3proto ip; policy = { replied : 350 }; }
      chain input { type filter hook input priority filter; policy drop; }
      chain forward { type filter hook forward priority filter; policy accept; }
      chain postrouting { type nat hook postrouting priority srcnat; policy accept; }
    }
    flush chain ip nat_gateway forward
    flush chain ip nat_gateway postrouting
    table ip nat_gateway {
      chain forward {
        ct state invalid drop
        ct state new tcp flags & (fin | syn | rst | ack) != syn reject with tcp reset
        ct state new meta l4proto tcp ct timeout set "silent_tcp"
        ct state new meta l4proto udp ct timeout set "silent_udp"
      }
      chain postrouting {
        snat to 172.31.0.9
      }
    }
    "
  `)
})

test('routes of IPv6 have tables of the same number, by next hops that have addresses of it', () => {
  const [first, second] = dualStackVpc().subnets
  if (!first || !second) throw new Error('the sample has changed')
  const [carrier, other] = dualStackVpc().interfaces
  const to = (destination: string, interfaceId = '') => ({
    destination,
    target: { kind: 'interface', interfaceId } as const,
  })
  const routes = [
    ...[to('2001:db8:1::/48', carrier?.id), to('2001:db8:2::/48', other?.id), to('10.0.0.0/8', other?.id)],
    { destination: '2001:db8:3::5/128', target: { kind: 'blackhole' } },
    { destination: 'fd12:3456:789a::/56', target: { kind: 'internet' } },
    { destination: '::/0', target: { kind: 'egress-only' } },
  ] as const
  const routing = routingOf(dualStackVpc({ subnets: [{ ...first, routes }, second] }))
  expect(routing.tables[0]).toMatchInlineSnapshot(`
    {
      "id": 271446701,
      "ipv6Routes": [
        "throw fd12:3456:789a::/56",
        "2001:db8:1::/48 via fd12:3456:789a::5 dev eni000000000005 onlink",
        "blackhole 2001:db8:1::/48 metric 2000",
        "blackhole 2001:db8:2::/48 metric 2000",
        "blackhole 2001:db8:3::5 metric 2000",
        "throw default",
      ],
      "routes": [
        "throw 172.31.0.0/16",
        "10.0.0.0/8 via 172.31.0.6 dev eni000000000006 onlink",
        "blackhole 10.0.0.0/8 metric 1000",
        "blackhole default metric 1000",
      ],
    }
  `)
  const [{ id } = { id: 0 }] = routing.tables
  const shown = JSON.stringify([
    {
      dst: '2001:db8:1::/48',
      gateway: 'fd12:3456:789a::5',
      dev: 'eni000000000005',
      table: String(id),
      metric: 1024,
      flags: ['onlink'],
    },
    { type: 'throw', dst: 'fd12:3456:789a::/56', dev: 'lo', table: String(id), metric: 1024, flags: [] },
    { type: 'blackhole', dst: '2001:db8:3::5', dev: 'lo', table: String(id), metric: 2000, flags: [] },
  ])
  const missing = additions(routing, parseKernelRouting(`[]\n${shown}\n`, ipv6), ipv6)
  expect(missing.map((line) => line.replace(String(id), 'TABLE').replaceAll(String(id), 'ID'))).toMatchInlineSnapshot(`
    [
      "route add blackhole 2001:db8:1::/48 metric 2000 table TABLE",
      "route add blackhole 2001:db8:2::/48 metric 2000 table TABLE",
      "route add throw default table TABLE",
      "rule add fwmark TABLE lookup ID priority 1000",
    ]
  `)
})
