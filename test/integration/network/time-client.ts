import type { FakeGuest } from './vpc-lab.ts'

/** What a time server has said (RFC 5905, section 7.3); times are in milliseconds since 1970. */
export interface TimeAnswer {
  readonly leapIndicator: number
  readonly version: number
  readonly mode: number
  readonly stratum: number
  readonly rootDispersionSeconds: number
  readonly setAtMs: number
  /** As the client sent it. */
  readonly originate: string
  readonly receivedMs: number
  readonly sentMs: number
}

/** A client's request, version 4, that polls each 64 s and hides its own time behind a number. */
export const timeRequest = Buffer.from(`230006${'00'.repeat(37)}cafe0123456789ab`, 'hex')

/** Long for a whole machine that is busy: an answer that does not come has been lost. */
const patienceMs = 5000

/** Sends datagrams to the port of NTP from one socket of the guest; answers what is heard until the last one has an answer, or none came. */
export async function hearAnswers(guest: FakeGuest, server: string, requests: readonly Buffer[]): Promise<Buffer[]> {
  const texts = JSON.stringify(requests.map((request) => request.toString('hex')))
  const heard = await guest.evaluate<string[]>(`
    const socket = require('dgram').createSocket('${server.includes(':') ? 'udp6' : 'udp4'}')
    const heard = []
    for (const text of ${texts}) await new Promise((resolve) => socket.send(Buffer.from(text, 'hex'), 123, '${server}', resolve))
    return await new Promise((resolve) => {
      setTimeout(() => resolve(heard), ${patienceMs})
      socket.on('message', (data) => {
        heard.push(data.toString('hex'))
        if (data.toString('hex', 24, 32) === 'cafe0123456789ab') resolve(heard)
      })
    })`)
  return heard.map((text) => Buffer.from(text, 'hex'))
}

/** Asks a guest's time server once; undefined where nobody answers. */
export async function askTime(guest: FakeGuest, server: string): Promise<TimeAnswer | undefined> {
  const [answer] = await hearAnswers(guest, server, [timeRequest])
  return answer && readTimeAnswer(answer)
}

export function readTimeAnswer(answer: Buffer): TimeAnswer {
  const first = answer.readUInt8(0)
  return {
    ...{ leapIndicator: first >> 6, version: (first >> 3) & 7, mode: first & 7 },
    stratum: answer.readUInt8(1),
    rootDispersionSeconds: answer.readUInt32BE(8) / 2 ** 16,
    setAtMs: readTimestamp(answer, 16),
    originate: answer.toString('hex', 24, 32),
    receivedMs: readTimestamp(answer, 32),
    sentMs: readTimestamp(answer, 40),
  }
}

function readTimestamp(answer: Buffer, offset: number): number {
  return Math.round((answer.readUInt32BE(offset) - 2_208_988_800 + answer.readUInt32BE(offset + 4) / 2 ** 32) * 1000)
}
