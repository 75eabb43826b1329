import { isIPv6, type Socket } from 'node:net'
import ipaddr from 'ipaddr.js'

/** SOCKS Protocol Version 5, RFC 1928. */
export const socksVersion = 5

/** Replies of section 6. */
export const socksReply = {
  succeeded: 0,
  failure: 1,
  notAllowed: 2,
  hostUnreachable: 4,
  refused: 5,
  commandNotSupported: 7,
  addressNotSupported: 8,
} as const

export type SocksReply = (typeof socksReply)[keyof typeof socksReply]

/** How an address is written (section 5). */
export const socksAddressType = { ipv4: 1, name: 3, ipv6: 4 } as const

/** What a client asks for. */
export interface SocksRequest {
  readonly command: 'connect' | 'associate'
  readonly host: string
  readonly port: number
}

/** The client asked for what there is not; the reply says so. */
export class SocksRefusal extends Error {
  override readonly name = 'SocksRefusal'
  readonly reply: SocksReply | undefined

  /** Without a reply the connection is closed. */
  constructor(reply?: SocksReply) {
    super(`SOCKS request refused: ${reply ?? 'no SOCKS 5'}`)
    this.reply = reply
  }
}

const noAuthentication = 0
const noMethod = 0xff
const handshakeTimeoutMs = 10_000
const portBytes = 2

/** Greets a client and reads its request. Rejects with SocksRefusal. */
export async function shakeHands(socket: Socket): Promise<SocksRequest> {
  const deadline = setTimeout(() => socket.destroy(), handshakeTimeoutMs)
  try {
    const read = async (length: number) => await readExactly(socket, length)
    const [version, methodCount = 0] = await read(2)
    if (version !== socksVersion) throw new SocksRefusal()
    const methods = await read(methodCount)
    const isFine = methods.includes(noAuthentication)
    socket.write(Buffer.from([socksVersion, isFine ? noAuthentication : noMethod]))
    if (!isFine) throw new SocksRefusal()
    const [again, command, , addressType = 0] = await read(4)
    if (again !== socksVersion) throw new SocksRefusal()
    const { host, port } = await readAddress(addressType, read)
    if (command === 1) return { command: 'connect', host, port }
    if (command === 3) return { command: 'associate', host, port }
    throw new SocksRefusal(socksReply.commandNotSupported)
  } finally {
    clearTimeout(deadline)
  }
}

/** The rest of an address after its type: IPv4, IPv6 or a name. */
async function readAddress(
  type: number,
  read: (length: number) => Promise<Buffer>,
): Promise<{ host: string; port: number }> {
  const length = type === socksAddressType.name ? ((await read(1))[0] ?? 0) : addressLengthOf(type)
  if (length === undefined) throw new SocksRefusal(socksReply.addressNotSupported)
  const bytes = await read(length + portBytes)
  return { host: readHost(type, bytes.subarray(0, length)), port: bytes.readUInt16BE(length) }
}

/** How many bytes an address of that type has; undefined for a name's and for what is no type. Pure. */
export function addressLengthOf(type: number): number | undefined {
  if (type === socksAddressType.ipv4) return 4
  return type === socksAddressType.ipv6 ? 16 : undefined
}

/** From the bytes of an address or a name. Pure. */
export function readHost(type: number, bytes: Buffer): string {
  if (type === socksAddressType.ipv4) return bytes.join('.')
  if (type !== socksAddressType.ipv6) return bytes.toString('latin1')
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16)).join(':')
}

/** Tells a client how it went, and an IPv4 address of ours. */
export function writeReply(reply: SocksReply, host = '0.0.0.0', port = 0): Buffer {
  return Buffer.concat([Buffer.from([socksVersion, reply, 0]), writeAddress(host, port)])
}

/** An address and a port as SOCKS writes them. Pure. */
export function writeAddress(host: string, port: number): Buffer {
  const type = isIPv6(host) ? socksAddressType.ipv6 : socksAddressType.ipv4
  return Buffer.from([type, ...ipaddr.parse(host).toByteArray(), port >> 8, port & 0xff])
}

/** Waits for just that many bytes; what follows stays in the socket. */
async function readExactly(socket: Socket, length: number): Promise<Buffer> {
  if (length === 0) return Buffer.alloc(0)
  return await new Promise((resolve, reject) => {
    const settle = () => {
      socket.off('readable', tryToRead)
      socket.off('end', fail)
      socket.off('close', fail)
    }
    const tryToRead = () => {
      const piece = socket.read(length) as Buffer | null
      if (piece === null) return
      settle()
      // At the end of the stream less than was asked for is handed out.
      if (piece.length === length) resolve(piece)
      else reject(new SocksRefusal())
    }
    const fail = () => {
      settle()
      reject(new SocksRefusal())
    }
    socket.on('readable', tryToRead)
    socket.on('end', fail)
    socket.on('close', fail)
    tryToRead()
  })
}
