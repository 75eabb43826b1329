import ipaddr from 'ipaddr.js'

/** Types of messages (RFC 8415, section 7.3). */
export const messageType = {
  solicit: 1,
  advertise: 2,
  request: 3,
  confirm: 4,
  renew: 5,
  rebind: 6,
  reply: 7,
  release: 8,
  decline: 9,
  informationRequest: 11,
} as const

/** Codes of options (RFC 8415, section 21; RFC 3646, 4075, 5908, 7083). */
export const optionCode = {
  clientId: 1,
  serverId: 2,
  addresses: 3,
  temporaryAddresses: 4,
  address: 5,
  preference: 7,
  status: 13,
  rapidCommit: 14,
  nameServers: 23,
  domains: 24,
  prefixes: 25,
  simpleNtpServers: 31,
  ntpServers: 56,
  longestSolicitPause: 82,
} as const

/** Codes of the status option (RFC 8415, section 21.13). */
export const statusCode = { success: 0, noAddresses: 2, notOnLink: 4, noPrefix: 6 } as const

/** What a client asks addresses for under one number of its own. */
export interface Association {
  readonly code: number
  readonly id: number
  /** Those that it has or wishes, in their canonical form. */
  readonly addresses: readonly string[]
}

/** A client's message. */
export interface ClientMessage {
  readonly type: number
  /** Three bytes, repeated in the answer. */
  readonly transaction: Buffer
  readonly clientId?: Buffer
  readonly serverId?: Buffer
  readonly associations: readonly Association[]
  /** Whether one answer shall be enough. */
  readonly isRapid: boolean
}

const headerBytes = 4
const optionHeaderBytes = 4
/** Number, T1 and T2 of an association; that of temporary addresses has the number alone. */
const associationBytes = 12
const addressBytes = 16

/** Undefined: it is no message of a client. */
export function readMessage(bytes: Buffer): ClientMessage | undefined {
  if (bytes.length < headerBytes) return undefined
  const options = readOptions(bytes.subarray(headerBytes))
  if (options === undefined) return undefined
  const associations: Association[] = []
  for (const { code, data } of options) {
    const isTemporary = code === optionCode.temporaryAddresses
    if (code !== optionCode.addresses && code !== optionCode.prefixes && !isTemporary) continue
    const length = isTemporary ? 4 : associationBytes
    const inner = data.length < length ? undefined : readOptions(data.subarray(length))
    if (inner === undefined) return undefined
    const addresses = inner.filter((option) => option.code === optionCode.address && option.data.length >= addressBytes)
    associations.push({
      code,
      id: data.readUInt32BE(0),
      addresses: addresses.map((option) => addressOf(option.data.subarray(0, addressBytes))),
    })
  }
  const find = (wanted: number) => options.find(({ code }) => code === wanted)?.data
  const [clientId, serverId] = [find(optionCode.clientId), find(optionCode.serverId)]
  return {
    type: bytes.readUInt8(0),
    transaction: bytes.subarray(1, headerBytes),
    ...(clientId ? { clientId } : {}),
    ...(serverId ? { serverId } : {}),
    associations,
    isRapid: find(optionCode.rapidCommit) !== undefined,
  }
}

/** Undefined where the last one is not whole. */
function readOptions(bytes: Buffer): { readonly code: number; readonly data: Buffer }[] | undefined {
  const options: { code: number; data: Buffer }[] = []
  for (let offset = 0; offset < bytes.length; ) {
    if (bytes.length - offset < optionHeaderBytes) return undefined
    const end = offset + optionHeaderBytes + bytes.readUInt16BE(offset + 2)
    if (end > bytes.length) return undefined
    options.push({ code: bytes.readUInt16BE(offset), data: bytes.subarray(offset + optionHeaderBytes, end) })
    offset = end
  }
  return options
}

export function writeMessage(type: number, transaction: Buffer, options: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([type]), transaction, ...options])
}

export function option(code: number, ...data: readonly Buffer[]): Buffer {
  const content = Buffer.concat(data)
  return Buffer.concat([numbers(2, code, content.length), content])
}

/** Unsigned numbers of that many bytes each. */
export function numbers(bytes: 1 | 2 | 4, ...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(bytes * values.length)
  for (const [index, value] of values.entries()) buffer.writeUIntBE(value, index * bytes, bytes)
  return buffer
}

export function addressToBytes(address: string): Buffer {
  return Buffer.from(ipaddr.IPv6.parse(address).toByteArray())
}

/** Names as DNS writes them, one after the other (RFC 8415, section 10). */
export function namesToBytes(names: readonly string[]): Buffer {
  return Buffer.concat(
    names.map((name) => {
      const labels = name.split('.').filter((label) => label !== '')
      return Buffer.concat([
        ...labels.map((label) => Buffer.concat([numbers(1, Buffer.byteLength(label)), Buffer.from(label)])),
        Buffer.from([0]),
      ])
    }),
  )
}

function addressOf(bytes: Buffer): string {
  return ipaddr.fromByteArray([...bytes]).toString()
}
