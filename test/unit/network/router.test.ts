import { expect, test } from 'vitest'
import { parseRouterState, routerBatch, type RouterState } from '../../../src/network/router.ts'
import { sampleVpc } from './sample-vpc.ts'

const nothing: RouterState = { devices: new Set(['lo']), routes: new Map(), localAddresses: new Set() }
const complete: RouterState = {
  devices: new Set(['lo', 'dhcp0', 'egress0', 'eni000000000005', 'eni000000000006']),
  routes: new Map([
    ['172.31.0.5', 'eni000000000005'],
    ['172.31.0.6', 'eni000000000006'],
  ]),
  localAddresses: new Set([
    ...['127.0.0.0', '127.0.0.1', '169.254.169.254', '169.254.169.253', '169.254.169.249'],
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
    addr replace 172.31.0.2/32 dev lo
    addr replace 172.31.0.1/20 dev dhcp0 noprefixroute
    addr replace 172.31.16.1/20 dev dhcp0 noprefixroute
    tuntap add name eni000000000005 mode tap
    link set eni000000000005 up
    ntable change name arp_cache dev eni000000000005 proxy_delay 0 retrans 100
    route replace 172.31.0.5/32 dev eni000000000005 src 172.31.0.1
    tuntap add name eni000000000006 mode tap
    link set eni000000000006 up
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
    'link set eni000000000006 up',
    'ntable change name arp_cache dev eni000000000006 proxy_delay 0 retrans 100',
    'route replace 172.31.0.6/32 dev eni000000000006 src 172.31.0.1',
  ])
})

test('what is not wanted any more goes', () => {
  const [first] = sampleVpc().interfaces
  const [subnet] = sampleVpc().subnets
  const smaller = sampleVpc({ interfaces: first ? [first] : [], subnets: subnet ? [subnet] : [] })
  expect(routerBatch(smaller, complete)).toEqual(['addr del 172.31.16.1 dev dhcp0', 'link del eni000000000006'])
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
  expect(parseRouterState(devices, routes, trie)).toEqual({
    devices: new Set(['lo', 'eni1d27dfee7155']),
    routes: new Map([['172.31.0.4', 'eni1d27dfee7155']]),
    localAddresses: new Set(['127.0.0.1', '172.31.0.1']),
  })
})
