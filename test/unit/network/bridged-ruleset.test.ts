import { expect, test } from 'vitest'
import { bridgedRuleset, parseBridgedAddresses } from '../../../src/network/bridged-ruleset.ts'

test('joins a tap with its wire, both ways, past everything else of the namespace', () => {
  expect(bridgedRuleset(['lan56789abcdef00'])).toMatchInlineSnapshot(`
    "add table netdev bridged
    add set netdev bridged lan56789abcdef00 { type ipv4_addr; size 16; flags dynamic,timeout; timeout 1d; }
    add chain netdev bridged lan56789abcdef00 { type filter hook ingress device "lan56789abcdef00" priority 0; policy drop; }
    flush chain netdev bridged lan56789abcdef00
    add rule netdev bridged lan56789abcdef00 arp saddr ip != 0.0.0.0 update @lan56789abcdef00 { arp saddr ip }
    add rule netdev bridged lan56789abcdef00 fwd to "ext56789abcdef00"
    add chain netdev bridged ext56789abcdef00 { type filter hook ingress device "ext56789abcdef00" priority 0; policy drop; }
    flush chain netdev bridged ext56789abcdef00
    add rule netdev bridged ext56789abcdef00 fwd to "lan56789abcdef00"
    "
  `)
})

test('tells the addresses that a guest was heard to ask from, the latest first', () => {
  const own = { family: 'netdev', name: 'lan56789abcdef00', table: 'bridged', type: 'ipv4_addr' }
  const elem = [{ elem: { val: '192.168.1.57', expires: 100 } }, { elem: { val: '192.168.1.60', expires: 86_000 } }]
  const listed = {
    nftables: [{ metainfo: {} }, { set: { ...own, elem } }, { set: { ...own, name: 'lan0', table: 'other' } }],
  }
  expect(parseBridgedAddresses(JSON.stringify(listed))).toEqual(
    new Map([['lan56789abcdef00', ['192.168.1.60', '192.168.1.57']]]),
  )
})
