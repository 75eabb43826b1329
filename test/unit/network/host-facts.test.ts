import type { NetworkInterfaceInfo } from 'node:os'
import { expect, test } from 'vitest'
import { hasDefaultIpv6Route, hostAddressesOf } from '../../../src/network/host-facts.ts'

function ipv4(cidr: string, internal = false): NetworkInterfaceInfo {
  const [address = ''] = cidr.split('/')
  return { address, netmask: '', family: 'IPv4', mac: '00:00:00:00:00:00', internal, cidr }
}

function ipv6(cidr: string): NetworkInterfaceInfo {
  const [address = ''] = cidr.split('/')
  return { address, netmask: '', family: 'IPv6', mac: '00:00:00:00:00:00', internal: false, cidr, scopeid: 0 }
}

test('the networks of a host are those of its addresses, each told once and none inside another', () => {
  const facts = hostAddressesOf({
    lo: [ipv4('127.0.0.1/8', true)],
    wlan0: [ipv4('192.168.1.7/24'), ipv6('2001:db8::7/64'), ipv6('fe80::7/64')],
    eth0: [ipv4('192.168.1.6/24'), ipv6('2001:db8::6/128')],
    wg0: [ipv4('10.8.0.2/32')],
    tun0: [ipv4('10.9.3.1/24')],
    br0: [ipv4('10.9.0.1/16')],
  })
  expect(facts).toEqual({
    addresses: ['10.8.0.2', '10.9.0.1', '10.9.3.1', '192.168.1.6', '192.168.1.7', '2001:db8::6', '2001:db8::7'],
    networks: ['10.8.0.2/32', '10.9.0.0/16', '192.168.1.0/24', '2001:db8::/64'],
  })
})

test('a default route of IPv6 leads somewhere', () => {
  const route = (destination: string, length: string, device: string) =>
    `${destination.padEnd(32, '0')} ${length} ${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00000400 00000001 00000000 00000003     ${device}\n`
  const unreachable = route('', '00', 'lo')
  const local = route('fd', '40', 'eth0')
  expect(hasDefaultIpv6Route(`${local}${unreachable}`)).toBe(false)
  expect(hasDefaultIpv6Route(`${local}${route('', '00', 'eth0')}${unreachable}`)).toBe(true)
})
