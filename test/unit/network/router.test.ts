import { expect, test } from 'vitest'
import { routerBatch } from '../../../src/network/router.ts'
import { parseRouterState, type RouterState } from '../../../src/network/router-state.ts'
import { dualStackVpc, sampleVpc } from './sample-vpc.ts'

const withoutIpv6 = { ipv6Routes: new Map<string, string>(), ipv6Addresses: new Map<string, ReadonlySet<string>>() }
const nothing: RouterState = {
  devices: new Set(['lo']),
  routes: new Map(),
  localAddresses: new Set(),
  ...withoutIpv6,
}
const complete: RouterState = {
  ...withoutIpv6,
  devices: new Set(['lo', 'dhcp0', 'egress0', 'eni000000000005', 'eni000000000006']),
  routes: new Map([
    ['172.31.0.5', 'eni000000000005'],
    ['172.31.0.6', 'eni000000000006'],
  ]),
  localAddresses: new Set([
    ...['127.0.0.0', '127.0.0.1', '169.254.169.254', '169.254.169.253', '169.254.169.123', '169.254.169.249'],
    ...['172.31.0.1', '172.31.0.2', '172.31.16.1'],
  ]),
}

test('a new namespace gets everything', () => {
  expect(routerBatch(sampleVpc(), nothing).join('\n')).toMatchInlineSnapshot(`
    "link set lo up
    link add dhcp0 type bridge
    link set dhcp0 up
    addr replace 169.254.169.254/32 dev lo
    addr replace 169.254.169.253/32 dev lo
    addr replace 169.254.169.123/32 dev lo
    addr replace 172.31.0.2/32 dev lo
    addr replace 172.31.0.1/20 dev dhcp0 noprefixroute
    addr replace 172.31.16.1/20 dev dhcp0 noprefixroute
    tuntap add name eni000000000005 mode tap
    link set eni000000000005 mtu 9001 up
    ntable change name arp_cache dev eni000000000005 proxy_delay 0 retrans 100
    route replace 172.31.0.5/32 dev eni000000000005 src 172.31.0.1
    tuntap add name eni000000000006 mode tap
    link set eni000000000006 mtu 9001 up
    ntable change name arp_cache dev eni000000000006 proxy_delay 0 retrans 100
    route replace 172.31.0.6/32 dev eni000000000006 src 172.31.0.1"
  `)
})

test('where all is in place nothing is done', () => {
  expect(routerBatch(sampleVpc(), complete)).toEqual([])
})

test('a tap that lost its route gets it back and is not made again: it may be in use', () => {
  const routes = new Map([['172.31.0.5', 'eni000000000005']])
  expect(routerBatch(sampleVpc(), { ...complete, routes })).toEqual([
    'link set eni000000000006 mtu 9001 up',
    'ntable change name arp_cache dev eni000000000006 proxy_delay 0 retrans 100',
    'route replace 172.31.0.6/32 dev eni000000000006 src 172.31.0.1',
  ])
})

test('what is not wanted any more goes', () => {
  const [first] = sampleVpc().interfaces
  const [subnet] = sampleVpc().subnets
  const smaller = sampleVpc({ interfaces: first ? [first] : [], subnets: subnet ? [subnet] : [] })
  expect(routerBatch(smaller, complete)).toEqual([
    'addr del 172.31.16.1 dev dhcp0',
    'addr del 172.31.16.1/32 dev lo',
    'link del eni000000000006',
  ])
})

test('the state is read from what the kernel shows of a namespace', () => {
  const devices = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     352       4    0    0    0     0          0         0      352       4    0    0    0     0       0          0
eni1d27dfee7155:   21887     117    0    0    0     0          0         0      352       4    0    0    0     0       0          0
`
  const routes = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
egress0\t00000000\tFAA9FEA9\t0003\t0\t0\t0\t00000000\t0\t0\t0
eni1d27dfee7155\t04001FAC\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
`
  const trie = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 172.31.0.1
        /32 host LOCAL
     |-- 172.31.0.4
        /32 link UNICAST
`
  const ipv6Routes = `00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001       lo
fd12345678900001000000000000000a 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00000001 eni1d27dfee7155
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001 eni1d27dfee7155
fe800000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001 eni1d27dfee7155
fd12345678900001000000000000000b 80 00000000000000000000000000000000 00 fd12345678900001000000000000000a 00000400 00000001 00000000 00000003 eni1d27dfee7155
`
  const ipv6Addresses = `00000000000000000000000000000001 01 80 10 80       lo
fd000ec2000000000000000000000254 01 80 00 82       lo
fe800000000000000000000000000001 03 40 20 82 eni1d27dfee7155
`
  expect(parseRouterState({ devices, routes, trie, ipv6Routes, ipv6Addresses })).toEqual({
    devices: new Set(['lo', 'eni1d27dfee7155']),
    routes: new Map([['172.31.0.4', 'eni1d27dfee7155']]),
    localAddresses: new Set(['127.0.0.1', '172.31.0.1']),
    ipv6Routes: new Map([['fd12:3456:7890:1::a', 'eni1d27dfee7155']]),
    ipv6Addresses: new Map([
      ['lo', new Set(['::1/128', 'fd00:ec2::254/128'])],
      ['eni1d27dfee7155', new Set(['fe80::1/64'])],
    ]),
  })
})

test('what IPv6 adds to a new namespace', () => {
  const without = new Set(routerBatch(dualStackVpc({ ipv6Cidrs: [] }), nothing))
  expect(
    routerBatch(dualStackVpc(), nothing)
      .filter((line) => !without.has(line))
      .join('\n'),
  ).toMatchInlineSnapshot(`
    "link set dhcp0 addrgenmode none
    addr replace fd00:ec2::254/128 dev lo nodad
    addr replace fd00:ec2::253/128 dev lo nodad
    addr replace fd00:ec2::123/128 dev lo nodad
    addr replace fd12:3456:789a::1/128 dev lo nodad
    addr replace fe80::1/64 dev dhcp0 nodad
    addr replace fd00:ec2::1/64 dev dhcp0 nodad noprefixroute
    link set eni000000000005 addrgenmode none
    addr replace fe80::1/64 dev eni000000000005 nodad
    ntable change name ndisc_cache dev eni000000000005 retrans 100
    route replace fd12:3456:789a::5/128 dev eni000000000005 src fd12:3456:789a::1
    route replace fd12:3456:789a::55/128 dev eni000000000005 src fd12:3456:789a::1
    link set eni000000000006 addrgenmode none
    addr replace fe80::1/64 dev eni000000000006 nodad
    ntable change name ndisc_cache dev eni000000000006 retrans 100"
  `)
})

test('a tap loses link-local addresses that are not the router’s, and ways to what its guest has no more', () => {
  const tap = 'eni000000000005'
  const services = ['fd00:ec2::254', 'fd00:ec2::253', 'fd00:ec2::123']
  const state: RouterState = {
    ...complete,
    routes: new Map([...complete.routes, ['172.31.16.7', 'eni000000000007']]),
    ipv6Routes: new Map([
      ['fd12:3456:789a::5', tap],
      ['fd12:3456:789a::55', tap],
      ['fd12:3456:789a::9', tap],
    ]),
    ipv6Addresses: new Map([
      [
        'lo',
        new Set(['::1/128', ...services.map((service) => `${service}/128`), 'fd12:3456:789a::1/128', 'fd99::1/128']),
      ],
      ['dhcp0', new Set(['fe80::1/64', 'fd00:ec2::1/64'])],
      [tap, new Set(['fe80::1/64', 'fe80::ff:fe00:5/64'])],
      ['eni000000000006', new Set(['fe80::1/64'])],
      ['eni000000000007', new Set(['fe80::1/64'])],
    ]),
  }
  expect(routerBatch(dualStackVpc(), state)).toEqual([
    'addr del fd99::1/128 dev lo',
    'addr del fe80::ff:fe00:5/64 dev eni000000000005',
    'addr del fe80::1/64 dev eni000000000007',
    'route del fd12:3456:789a::9/128 dev eni000000000005',
  ])
})
