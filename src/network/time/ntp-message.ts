/** How good a clock is, in the terms of NTP (RFC 5905, section 7.3). */
export interface ClockQuality {
  /** 3: nobody keeps the clock. Which second leaps is not known to this server. */
  readonly leapIndicator: 0 | 3
  /** 0 where nobody keeps the clock. */
  readonly stratum: number
  readonly rootDispersionSeconds: number
  /** Four bytes. */
  readonly referenceId: Buffer
  /** When it was last set, in milliseconds since 1970; undefined: never. */
  readonly setAtMs?: number
}

const headerBytes = 48
const mode = { client: 3, server: 4 } as const
const oldestVersion = 1
const newestVersion = 4
/** Of a clock that is read in milliseconds: its logarithm to the base of 2. */
const precision = -10
const secondsFrom1900To1970 = 2_208_988_800
/** Timestamps begin anew every 136 years (2036). */
const eraSeconds = 2 ** 32

/** Whether that is a client's request. Whatever else comes (answers, peers, broadcasts, mode 6 and 7) is not to be answered. Pure. */
export function isTimeRequest(bytes: Buffer): boolean {
  if (bytes.length < headerBytes) return false
  const version = versionOf(bytes)
  return (bytes.readUInt8(0) & 7) === mode.client && version >= oldestVersion && version <= newestVersion
}

/** The answer to a request, no longer than it; times are in milliseconds since 1970. Pure. */
export function writeTimeAnswer(request: Buffer, clock: ClockQuality, receivedMs: number, sentMs: number): Buffer {
  const answer = Buffer.alloc(headerBytes)
  answer.writeUInt8((clock.leapIndicator << 6) | (versionOf(request) << 3) | mode.server, 0)
  answer.writeUInt8(clock.stratum, 1)
  answer.writeUInt8(request.readUInt8(2), 2)
  answer.writeInt8(precision, 3)
  // The root delay, at 4, is nothing: what is not known of the way to the reference is part of the dispersion.
  answer.writeUInt32BE(Math.min(Math.ceil(clock.rootDispersionSeconds * 2 ** 16), 2 ** 32 - 1), 8)
  clock.referenceId.copy(answer, 12)
  if (clock.setAtMs !== undefined) writeTimestamp(answer, clock.setAtMs, 16)
  // By what the client has sent as its own time it knows the answer.
  request.copy(answer, 24, 40, 48)
  writeTimestamp(answer, receivedMs, 32)
  writeTimestamp(answer, sentMs, 40)
  return answer
}

function versionOf(bytes: Buffer): number {
  return (bytes.readUInt8(0) >> 3) & 7
}

function writeTimestamp(target: Buffer, ms: number, offset: number): void {
  const seconds = Math.floor(ms / 1000)
  target.writeUInt32BE((seconds + secondsFrom1900To1970) % eraSeconds, offset)
  target.writeUInt32BE(Math.floor(((ms - seconds * 1000) / 1000) * 2 ** 32), offset + 4)
}
