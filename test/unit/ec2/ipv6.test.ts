import { describe, expect, test } from 'vitest'
import {
  canonicalIpv6,
  containsIpv6Block,
  formatIpv6Block,
  type Ipv6Block,
  overlapsIpv6Block,
  parseIpv6Block,
} from '../../../src/ec2/ipv6.ts'

function block(text: string): Ipv6Block {
  const parsed = parseIpv6Block(text)
  if (!parsed) throw new Error(`${text} is no block`)
  return parsed
}

describe('a block of IPv6 addresses', () => {
  test.each([
    ['FD12:3456:789A:1::5/56', 'fd12:3456:789a::/56'],
    ['::/0', '::/0'],
    ['fd00::1/128', 'fd00::1/128'],
    ['2001:db8:0:0:1:0:0:1/128', '2001:db8::1:0:0:1/128'],
  ])('%s is %s', (text, canonical) => {
    expect(formatIpv6Block(block(text))).toBe(canonical)
  })

  test.each([
    'fd00::',
    'fd00::/129',
    'fd00::/',
    '10.0.0.0/8',
    '::ffff:10.0.0.1/128',
    'fe80::1%eth0/64',
    ':::/0',
    '/64',
  ])('%s is none', (text) => {
    expect(parseIpv6Block(text)).toBeUndefined()
  })

  test('contains its parts, and overlaps with them and with what contains it', () => {
    const [vpc, subnet, other] = [block('fd00:1:2:300::/56'), block('fd00:1:2:3ff::/64'), block('fd00:1:2:400::/64')]
    expect([containsIpv6Block(vpc, subnet), containsIpv6Block(subnet, vpc)]).toEqual([true, false])
    expect([overlapsIpv6Block(vpc, subnet), overlapsIpv6Block(subnet, vpc)]).toEqual([true, true])
    expect([containsIpv6Block(vpc, other), overlapsIpv6Block(vpc, other)]).toEqual([false, false])
    expect(containsIpv6Block(block('::/0'), vpc)).toBe(true)
  })
})

test('an address has one canonical form', () => {
  expect(canonicalIpv6('FD00:0:0:1:0:0:0:00A')).toBe('fd00:0:0:1::a')
  expect(['1.2.3.4', 'fd00::1%1', 'fd00::1::2', '', '::ffff:1.2.3.4'].map(canonicalIpv6)).toEqual(
    Array.from({ length: 5 }),
  )
})
