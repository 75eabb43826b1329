import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readHostClock } from '../../../src/network/time/host-clock.ts'
import { isTimeRequest, writeTimeAnswer } from '../../../src/network/time/ntp-message.ts'
import { readTimeAnswer, timeRequest } from '../../integration/network/time-client.ts'

const clock = {
  leapIndicator: 0,
  stratum: 3,
  rootDispersionSeconds: 0.25,
  referenceId: Buffer.from([127, 0, 0, 1]),
  setAtMs: Date.UTC(2026, 0, 1),
} as const

test('an answer has all that RFC 5905 wants of a server', () => {
  const received = Date.UTC(2026, 0, 1, 0, 1) + 500
  const answer = writeTimeAnswer(timeRequest, clock, received, received + 1)
  expect(answer.toString('hex').match(/.{8}/g)?.join(' ')).toMatchInlineSnapshot(
    `"240306f6 00000000 00004000 7f000001 ed003780 00000000 cafe0123 456789ab ed0037bc 80000000 ed0037bc 80418937"`,
  )
})

test('an answer speaks the version of its question, and is never longer', () => {
  for (const version of [1, 2, 3, 4]) {
    const request = Buffer.concat([Buffer.from([(version << 3) | 3]), timeRequest.subarray(1), Buffer.alloc(20)])
    expect(isTimeRequest(request)).toBe(true)
    const answer = writeTimeAnswer(request, clock, 0, 0)
    expect(answer).toHaveLength(48)
    expect(readTimeAnswer(answer)).toMatchObject({ version, mode: 4 })
  }
})

test('a question of no client, of no known version, or cut off is none', () => {
  for (const byte of [0x03, 0x2b, 0x3b, 0x20, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27]) {
    expect([byte, isTimeRequest(Buffer.concat([Buffer.from([byte]), timeRequest.subarray(1)]))]).toEqual([byte, false])
  }
  expect(isTimeRequest(timeRequest.subarray(0, 47))).toBe(false)
  expect(isTimeRequest(Buffer.alloc(0))).toBe(false)
})

test('seconds begin anew in 2036', () => {
  const lastSecond = Date.UTC(2036, 1, 7, 6, 28, 15)
  const answer = writeTimeAnswer(timeRequest, clock, lastSecond, lastSecond + 1000)
  expect(answer.toString('hex', 32)).toBe('ffffffff000000000000000000000000')
})

let directory: string

beforeEach(async () => {
  directory = await mkdtemp('/tmp/kiln-timesync-')
})
afterEach(async () => {
  await rm(directory, { recursive: true })
})

test('the clock of a host that systemd-timesyncd has not set yet is said to be nobody’s', () => {
  expect(readHostClock(1000, directory)).toMatchObject({ leapIndicator: 3, stratum: 0, rootDispersionSeconds: 16 })
})

test('a clock is trusted less the longer ago it was set', async () => {
  const now = Date.UTC(2026, 0, 1)
  const quality = async (ageSeconds: number) => {
    const setAt = new Date(now - ageSeconds * 1000)
    await writeFile(join(directory, 'synchronized'), '')
    await utimes(join(directory, 'synchronized'), setAt, setAt)
    const found = readHostClock(now, directory)
    expect(found).toMatchObject({ leapIndicator: 0, stratum: 3, setAtMs: setAt.getTime() })
    return found.rootDispersionSeconds
  }
  expect(await quality(0)).toBeCloseTo(0.05)
  expect(await quality(24 * 3600)).toBeCloseTo(0.05 + 1.296)
  // Set by a clock that went ahead, and has been put back since.
  expect(await quality(-3600)).toBeCloseTo(0.05)
})

test('a clock that something else keeps is taken for an ordinary one', () => {
  expect(readHostClock(1000, join(directory, 'none'))).toMatchObject({ leapIndicator: 0, stratum: 3, setAtMs: 1000 })
})
