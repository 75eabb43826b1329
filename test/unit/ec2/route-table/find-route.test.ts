import { expect, test } from 'vitest'
import { findRoute } from '../../../../src/ec2/route-table/find-route.ts'

const routes = [
  '0.0.0.0/0',
  '10.0.0.0/16',
  '10.0.1.0/24',
  '::/0',
  'fd12:3456:789a::/56',
  'fd12:3456:789a:1::/64',
  'fd12:3456:789a:1::5/128',
].map((destination) => ({ destination }))

test.each([
  ['10.0.1.7', '10.0.1.0/24'],
  ['10.0.2.7', '10.0.0.0/16'],
  ['192.0.2.1', '0.0.0.0/0'],
  ['fd12:3456:789a:1::5', 'fd12:3456:789a:1::5/128'],
  ['FD12:3456:789A:0001::0006', 'fd12:3456:789a:1::/64'],
  ['fd12:3456:789a:2::5', 'fd12:3456:789a::/56'],
  ['2001:db8::1', '::/0'],
])('the most specific route for %s is that for %s', (address, destination) => {
  expect(findRoute(routes, address)).toEqual({ destination })
})

test('no route holds for an address of the other family, or for what is no address', () => {
  expect(findRoute([{ destination: '0.0.0.0/0' }], '2001:db8::1')).toBeUndefined()
  expect(findRoute([{ destination: '::/0' }], '192.0.2.1')).toBeUndefined()
  expect(findRoute(routes, 'everywhere')).toBeUndefined()
})
