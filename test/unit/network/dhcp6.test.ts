import { expect, test } from 'vitest'
import { answerDhcp6, type Dhcp6Lease } from '../../../src/network/dhcp6/answer.ts'
import { addressToBytes, numbers, option, optionCode, readMessage } from '../../../src/network/dhcp6/message.ts'
import { leasesOf } from '../../../src/network/dhcp6/serve-guests.ts'
import { dualStackVpc } from './sample-vpc.ts'

const own = 'fd12:3456:789a::5'
const lease: Dhcp6Lease = {
  addresses: [own],
  preferredSeconds: 140,
  nameServers: ['fd00:ec2::253'],
  searchDomains: ['ec2.internal'],
  ntpServers: [],
}
const clientId = option(optionCode.clientId, Buffer.from('00030001020000000005', 'hex'))
const serverId = option(optionCode.serverId, Buffer.from('00030001020000000001', 'hex'))
const otherServerId = option(optionCode.serverId, Buffer.from('00030001020000000009', 'hex'))
const types = { solicit: 1, request: 3, confirm: 4, renew: 5, release: 8, informationRequest: 11 }

function message(type: number, ...options: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([type, 1, 2, 3]), ...options])
}

/** What a client asks under a number, with the addresses that it has. */
function association(id: number, ...addresses: readonly string[]): Buffer {
  const held = addresses.map((address) => option(optionCode.address, addressToBytes(address), numbers(4, 0, 0)))
  return option(optionCode.addresses, numbers(4, id, 0, 0), ...held)
}

/** The addresses of an answer with their preferred and valid lifetimes, by the number of the association. */
function granted(answer: Buffer | undefined): Record<number, Record<string, [number, number]>> {
  const read = answer && readMessage(answer)
  if (!read) throw new Error('nothing was said')
  return Object.fromEntries(
    read.associations.map(({ id, addresses }) => [
      id,
      Object.fromEntries(
        addresses.map((address) => {
          const at = answer.indexOf(addressToBytes(address)) + 16
          return [address, [answer.readUInt32BE(at), answer.readUInt32BE(at + 4)]]
        }),
      ),
    ]),
  )
}

test('who solicits is offered what its interface has, and told of names', () => {
  const answer = answerDhcp6(message(types.solicit, clientId, association(7)), lease)
  expect(answer?.readUInt8(0)).toBe(2)
  expect(answer?.subarray(1, 4)).toEqual(Buffer.from([1, 2, 3]))
  expect(granted(answer)).toEqual({ 7: { [own]: [140, 86_400] } })
  for (const part of [clientId, serverId, option(optionCode.nameServers, addressToBytes('fd00:ec2::253'))]) {
    expect(answer?.includes(part)).toBe(true)
  }
  expect(answer?.includes(Buffer.from('\u0003ec2\u0008internal\u0000'))).toBe(true)
})

test('who is in a hurry has it at once', () => {
  const asked = message(types.solicit, clientId, option(optionCode.rapidCommit), association(7))
  const answer = answerDhcp6(asked, lease)
  expect(answer?.readUInt8(0)).toBe(7)
  expect(granted(answer)).toEqual({ 7: { [own]: [140, 86_400] } })
})

test('a client that renews loses what its interface has no more, and gets what it has by now', () => {
  const asked = message(types.renew, clientId, serverId, association(7, 'fd12:3456:789a::9'))
  expect(granted(answerDhcp6(asked, lease))).toEqual({ 7: { [own]: [140, 86_400], 'fd12:3456:789a::9': [0, 0] } })
})

test('all addresses are the first association’s; others have none, and prefixes nobody', () => {
  const prefix = option(optionCode.prefixes, numbers(4, 9, 0, 0))
  const asked = message(types.request, clientId, serverId, prefix, association(7), association(8, own))
  const two = { ...lease, addresses: [own, 'fd12:3456:789a::6'] }
  expect(granted(answerDhcp6(asked, two))).toMatchObject({
    7: { [own]: [140, 86_400], 'fd12:3456:789a::6': [140, 86_400] },
    9: {},
  })
})

test('an interface without an address has none to give, and its client asks again within a minute', () => {
  const answer = answerDhcp6(message(types.solicit, clientId, association(7)), { ...lease, addresses: [] })
  expect(granted(answer)).toEqual({ 7: {} })
  expect(answer?.includes(option(optionCode.status, numbers(2, 2)))).toBe(true)
  expect(answer?.includes(option(optionCode.longestSolicitPause, numbers(4, 60)))).toBe(true)
})

test('a client that comes back is told whether its addresses are right', () => {
  const status = (address: string) =>
    answerDhcp6(message(types.confirm, clientId, association(7, address)), lease)?.subarray(-2)
  expect(status(own)).toEqual(Buffer.from([0, 0]))
  expect(status('fd12:3456:789a::9')).toEqual(Buffer.from([0, 4]))
  expect(answerDhcp6(message(types.confirm, clientId, association(7)), lease)).toBeUndefined()
})

test('who gives an address back is thanked', () => {
  const asked = message(types.release, clientId, serverId, association(7, own))
  expect(answerDhcp6(asked, lease)?.subarray(-6)).toEqual(option(optionCode.status, numbers(2, 0)))
})

test('who only wants to know of names need not say who it is', () => {
  const answer = answerDhcp6(message(types.informationRequest), lease)
  expect(answer?.includes(option(optionCode.nameServers, addressToBytes('fd00:ec2::253')))).toBe(true)
})

test('what is meant for another server, or is no message, is not answered', () => {
  const asked = association(7, own)
  for (const wrong of [
    message(types.request, clientId, otherServerId, asked),
    message(types.renew, clientId, asked),
    message(types.solicit, clientId, serverId, asked),
    message(types.solicit, asked),
    message(types.request, clientId, serverId, asked).subarray(0, -1),
    message(types.solicit, clientId, option(optionCode.addresses, numbers(4, 7))),
    message(2, clientId, serverId, asked),
    Buffer.from([1, 2]),
    Buffer.alloc(0),
  ]) {
    expect(answerDhcp6(wrong, lease)).toBeUndefined()
  }
})

test('each guest of a subnet with a block has a lease, by the options of its VPC', () => {
  const dhcp = {
    domainName: 'corp.example lab.internal',
    nameServers: ['10.0.0.53', 'AmazonProvidedDNS', '2001:db8::53'],
    ntpServers: ['10.0.0.123', '2001:db8::123'],
    ipv6PreferredLeaseSeconds: 3600,
  }
  const leases = leasesOf(dualStackVpc({ dhcp }))
  const told = {
    preferredSeconds: 3600,
    nameServers: ['fd00:ec2::253', '2001:db8::53'],
    searchDomains: ['corp.example', 'lab.internal'],
    ntpServers: ['2001:db8::123'],
  }
  expect([...leases]).toEqual([
    ['eni000000000005', { addresses: ['fd12:3456:789a::5', 'fd12:3456:789a::55'], ...told }],
    ['eni000000000006', { addresses: [], ...told }],
  ])
})
