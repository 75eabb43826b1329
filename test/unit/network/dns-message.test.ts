import dnsPacket from 'dns-packet'
import { describe, expect, test } from 'vitest'
import { isReplyTo, readQuery, writeForwarded, writeRefusal, writeReply } from '../../../src/network/dns/message.ts'

const plain = dnsPacket.encode({
  type: 'query',
  id: 7,
  flags: dnsPacket.RECURSION_DESIRED | 0x20,
  questions: [{ name: 'Example.ORG', type: 'AAAA' }],
})

function read(bytes: Buffer) {
  const query = readQuery(bytes)
  if (typeof query !== 'object') throw new Error(`it was not read: ${query}`)
  return query
}

describe('a question', () => {
  test('is read whatever its spelling, and answered in it', () => {
    const query = read(plain)
    expect(query).toMatchObject({ id: 7, name: 'example.org', type: 'AAAA', udpSize: 512, hasEdns: false })
    const reply = dnsPacket.decode(writeReply(query, { code: 'NXDOMAIN' }, 512))
    expect(reply).toMatchObject({ id: 7, rcode: 'NXDOMAIN', questions: [{ name: 'Example.ORG' }], flag_rd: true })
  })

  test('is passed on without anything that its sender added', () => {
    const options = [{ code: 'CLIENT_SUBNET' as const, family: 1, sourcePrefixLength: 32, ip: '172.31.0.5' }]
    const additionals = [
      { type: 'OPT' as const, name: '.', udpPayloadSize: 9000, flags: 0x8000, flag_do: true, options },
      { type: 'TXT' as const, name: 'secret.example', data: 'out' },
    ]
    const query = read(
      dnsPacket.encode({
        type: 'query',
        id: 7,
        flags: 0x130,
        questions: [{ name: 'a.example', type: 'A' }],
        additionals: additionals as never,
      }),
    )
    expect(query).toMatchObject({ client: '172.31.0.5', udpSize: 1232, isDnssecWanted: true })
    const forwarded = dnsPacket.decode(writeForwarded(query, 9))
    expect(forwarded).toMatchObject({
      id: 9,
      questions: [{ name: 'a.example', type: 'A' }],
      flag_rd: true,
      flag_cd: true,
    })
    expect(forwarded.additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1232, flag_do: true, options: [] }])
  })

  test.each([
    [
      'two questions',
      dnsPacket.encode({
        type: 'query',
        id: 1,
        questions: [
          { name: 'a', type: 'A' },
          { name: 'b', type: 'A' },
        ],
      }),
      'FORMERR',
    ],
    [
      'a name that points at itself',
      Buffer.from('00010100000100000000000'.padEnd(24, '0').concat('c00c00010001'), 'hex'),
      'FORMERR',
    ],
    ['half a name', plain.subarray(0, 20), 'FORMERR'],
    ['an update', Buffer.concat([Buffer.from([0, 1, 0x28, 0]), plain.subarray(4)]), 'NOTIMP'],
    [
      'another class',
      dnsPacket.encode({ type: 'query', questions: [{ name: 'a', type: 'A', class: 'CH' }] }),
      'REFUSED',
    ],
    ['an answer', Buffer.concat([plain.subarray(0, 2), Buffer.from([0x81, 0]), plain.subarray(4)]), undefined],
    ['nothing', Buffer.alloc(3), undefined],
  ])('of %s is refused or passed over', (_what, bytes, expected) => {
    expect(readQuery(bytes)).toBe(expected)
    if (expected === undefined) return
    expect(dnsPacket.decode(writeRefusal(bytes, expected as 'FORMERR'))).toMatchObject({
      rcode: expected,
      type: 'response',
    })
  })
})

test('an answer that is too long says so', () => {
  const query = read(plain)
  const answers = Array.from({ length: 60 }, () => ({
    name: 'example.org',
    type: 'AAAA' as const,
    ttl: 1,
    data: '::1',
  }))
  const reply = dnsPacket.decode(writeReply(query, { code: 'NOERROR', answers }, query.udpSize))
  expect(reply).toMatchObject({ flag_tc: true, answers: [] })
})

test('only the answer to the very question counts', () => {
  const query = read(plain)
  const answer = (id: number, name: string) =>
    dnsPacket.encode({ type: 'response', id, questions: [{ name, type: 'AAAA' }] })
  expect(isReplyTo(query, 9, answer(9, 'example.org'))).toBe(true)
  expect(isReplyTo(query, 9, answer(8, 'example.org'))).toBe(false)
  expect(isReplyTo(query, 9, answer(9, 'example.com'))).toBe(false)
  expect(isReplyTo(query, 9, plain)).toBe(false)
})
