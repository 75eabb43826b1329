import { expect, test } from 'vitest'
import { createOwnNames } from '../../../src/network/dns/own-names.ts'
import { dnsmasqNames } from '../../../src/network/dnsmasq.ts'
import { sampleInterface, sampleVpc } from './sample-vpc.ts'

const dual = sampleVpc({
  ipv6Cidrs: ['fd12:3456:789a::/56'],
  interfaces: [
    sampleInterface(5, {
      dnsNames: ['ip-172-31-0-5.ec2.internal', 'i-1.ec2.internal'],
      secondaryAddresses: [],
      ipv6Addresses: [
        { address: 'fd12:3456:789a:1::5', names: ['i-1.ec2.internal'] },
        { address: 'fd12:3456:789a:1::6', names: [] },
      ],
    }),
  ],
  names: { hosts: [], ipv6Hosts: [{ address: 'fd12:3456:789a:1::7', names: ['i-2.ec2.internal'] }], zones: [] },
})
const names = createOwnNames(dual)

const told = (name: string, type: string) => {
  const reply = names.lookUp(name, type)
  return reply && [reply.code, ...(reply.answers ?? []).map((answer) => ('data' in answer ? answer.data : ''))]
}

/** The name of an address for its reverse look-up. */
function reverseOf(address: string): string {
  const [left = '', right = ''] = address.split('::')
  const parts = (text: string) => (text === '' ? [] : text.split(':')).map((part) => part.padStart(4, '0'))
  const [head, tail] = [parts(left), parts(right)]
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0000')
  return `${[...head, ...zeros, ...tail].join('').split('').toReversed().join('.')}.ip6.arpa`
}

test('the name after an id has the address of each version, whether its instance runs or not', () => {
  expect(told('i-1.ec2.internal', 'AAAA')).toEqual(['NOERROR', 'fd12:3456:789a:1::5'])
  expect(told('i-1.ec2.internal', 'A')).toEqual(['NOERROR', '172.31.0.5'])
  expect(told('i-1.ec2.internal', 'TXT')).toEqual(['NOERROR'])
  expect(told('ip-172-31-0-5.ec2.internal', 'AAAA')).toEqual(['NOERROR'])
  expect(told('i-2.ec2.internal', 'AAAA')).toEqual(['NOERROR', 'fd12:3456:789a:1::7'])
  expect(told('i-2.ec2.internal', 'A')).toEqual(['NOERROR'])
})

test("nobody else is asked whose an IPv6 address of the VPC's own is", () => {
  expect(told(reverseOf('fd12:3456:789a:1::5'), 'PTR')).toEqual(['NOERROR', 'i-1.ec2.internal'])
  expect(told(reverseOf('fd12:3456:789a:1::6'), 'PTR')).toEqual(['NXDOMAIN'])
  expect(told(reverseOf('fd12:3456:789a:ff::1'), 'PTR')).toEqual(['NXDOMAIN'])
  expect(told(reverseOf('2001:4860:4860::8888'), 'PTR')).toBeUndefined()
  expect(told('1.2.ip6.arpa', 'PTR')).toBeUndefined()
})

test('dnsmasq has the names of both versions, and no address without one', () => {
  expect(dnsmasqNames(dual)).toBe(
    [
      '172.31.0.5 ip-172-31-0-5.ec2.internal i-1.ec2.internal',
      'fd12:3456:789a:1::5 i-1.ec2.internal',
      'fd12:3456:789a:1::7 i-2.ec2.internal',
      '',
    ].join('\n'),
  )
})
