import dnsPacket, { type Answer, type OptAnswer, type Packet, type Question } from 'dns-packet'

/** A question as it came in. */
export interface DnsQuery {
  readonly id: number
  /** In lower case, without the dot at its end; '' for the root. */
  readonly name: string
  /** `A`, `AAAA`, …; `UNKNOWN_65` for what the library has no word for. */
  readonly type: string
  /** As it was asked: a server that mixes case wants its own spelling back. */
  readonly question: Question
  /** The bytes of the question section. */
  readonly questionBytes: Buffer
  readonly flags: number
  /** The largest answer that may be sent by UDP. */
  readonly udpSize: number
  readonly hasEdns: boolean
  /** Whether DNSSEC records are wanted. */
  readonly isDnssecWanted: boolean
  /** The guest that dnsmasq asks for (its option add-subnet). */
  readonly client?: string
}

/** What is answered to a question. */
export interface DnsReply {
  readonly code: DnsCode
  readonly answers?: readonly Answer[]
  readonly authorities?: readonly Answer[]
}

/** Codes of RFC 1035 by their numbers. */
export const dnsCodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const
export type DnsCode = keyof typeof dnsCodes

const headerBytes = 12
/** Without EDNS (RFC 1035), and the most that crosses any network whole (DNS flag day 2020). */
const plainUdpSize = 512
const largestUdpSize = 1232
const flag = { response: 0x80_00, authoritative: 0x04_00, truncated: 0x02_00, recursionAvailable: 0x00_80 }
/** Recursion desired and checking disabled: what of a query's flags is its sender's wish. */
const wishFlags = 0x01_10

/**
 * Reads a query. A number: the code that it is refused with (RFC 1035); undefined: not even that can be said, or it is no query.
 */
export function readQuery(bytes: Buffer): DnsQuery | DnsCode | undefined {
  if (bytes.length < headerBytes || (bytes.readUInt16BE(2) & flag.response) !== 0) return undefined
  if (((bytes.readUInt16BE(2) >> 11) & 0xf) !== 0) return 'NOTIMP'
  const length = questionLength(bytes)
  if (bytes.readUInt16BE(4) !== 1 || length === undefined) return 'FORMERR'
  let packet: Packet
  try {
    packet = dnsPacket.decode(bytes)
  } catch {
    return 'FORMERR'
  }
  const [question] = packet.questions ?? []
  if (!question) return 'FORMERR'
  if (question.class !== 'IN') return 'REFUSED'
  const edns = packet.additionals?.find((record): record is OptAnswer => record.type === 'OPT')
  return {
    id: bytes.readUInt16BE(0),
    name: question.name === '.' ? '' : question.name.toLowerCase(),
    type: question.type,
    question,
    questionBytes: bytes.subarray(headerBytes, headerBytes + length),
    flags: bytes.readUInt16BE(2),
    udpSize: edns ? Math.min(Math.max(edns.udpPayloadSize, plainUdpSize), largestUdpSize) : plainUdpSize,
    hasEdns: edns !== undefined,
    isDnssecWanted: edns?.flag_do ?? false,
    ...clientOf(edns),
  }
}

/** The message of a reply; one that is too long for `limit` says so and holds nothing. */
export function writeReply(query: DnsQuery, reply: DnsReply, limit: number): Buffer {
  const { code, answers = [], authorities = [] } = reply
  const flags = flag.authoritative | flag.recursionAvailable | (query.flags & wishFlags) | dnsCodes[code]
  const encode = (isTruncated: boolean) =>
    dnsPacket.encode({
      type: 'response',
      id: query.id,
      flags: flags | (isTruncated ? flag.truncated : 0),
      questions: [query.question],
      answers: isTruncated ? [] : [...answers],
      authorities: isTruncated ? [] : [...authorities],
      additionals: query.hasEdns ? [ednsRecord()] : [],
    })
  const whole = encode(false)
  return whole.length > limit ? encode(true) : whole
}

/** A refusal of what could not be read as a query. */
export function writeRefusal(bytes: Buffer, code: DnsCode): Buffer {
  const header = Buffer.alloc(headerBytes)
  bytes.copy(header, 0, 0, 2)
  header.writeUInt16BE(flag.response | (bytes.readUInt16BE(2) & 0x79_00) | dnsCodes[code], 2)
  return header
}

/**
 * The same question for another server, under another id. It is written anew: nothing else of what a guest has put into its packet leaves
 * this host.
 */
export function writeForwarded(query: DnsQuery, id: number): Buffer {
  const header = Buffer.alloc(headerBytes)
  header.writeUInt16BE(id, 0)
  header.writeUInt16BE(query.flags & wishFlags, 2)
  header.writeUInt16BE(1, 4)
  if (!query.hasEdns) return Buffer.concat([header, query.questionBytes])
  header.writeUInt16BE(1, 10)
  // The root's name, OPT, the size, and of the flags DO alone (RFC 6891).
  const edns = Buffer.from([0, 0, 41, 0, 0, 0, 0, query.isDnssecWanted ? 0x80 : 0, 0, 0, 0])
  edns.writeUInt16BE(query.udpSize, 3)
  return Buffer.concat([header, query.questionBytes, edns])
}

/** Whether a message answers what `writeForwarded` has asked. */
export function isReplyTo(query: DnsQuery, id: number, reply: Buffer): boolean {
  if (reply.length < headerBytes || reply.readUInt16BE(0) !== id) return false
  if ((reply.readUInt16BE(2) & flag.response) === 0) return false
  const code = codeOf(reply)
  // A server that could not read the question need not repeat it.
  if (reply.readUInt16BE(4) === 0) return code === dnsCodes.FORMERR || code === dnsCodes.NOTIMP
  const question = reply.subarray(headerBytes, headerBytes + query.questionBytes.length)
  return question.toString('latin1').toLowerCase() === query.questionBytes.toString('latin1').toLowerCase()
}

/** The code of a message. */
export function codeOf(message: Buffer): number {
  return message.readUInt16BE(2) & 0xf
}

/** A query of our own for the target of an alias. */
export function queryFor(query: DnsQuery, name: string): DnsQuery | undefined {
  const read = readQuery(
    dnsPacket.encode({
      type: 'query',
      id: query.id,
      flags: 0x01_00,
      questions: [{ ...query.question, name }],
      additionals: [ednsRecord()],
    }),
  )
  return typeof read === 'object' ? { ...read, ...(query.client ? { client: query.client } : {}) } : undefined
}

function ednsRecord(): OptAnswer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: largestUdpSize,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  }
}

/** dnsmasq tells of an IPv4 guest by an address with 32 bits (RFC 7871). */
function clientOf(edns: OptAnswer | undefined): { client: string } | undefined {
  const option = edns?.options.find((candidate) => candidate.code === 8)
  return option?.ip === undefined ? undefined : { client: option.ip }
}

/** Of the question section that follows the header; undefined when it is not whole. */
function questionLength(bytes: Buffer): number | undefined {
  let offset = headerBytes
  for (;;) {
    const length = bytes[offset]
    // No compression: there is nothing before it.
    if (length === undefined || length > 63) return undefined
    offset += 1 + length
    if (length === 0) break
  }
  return offset + 4 > bytes.length ? undefined : offset + 4 - headerBytes
}
