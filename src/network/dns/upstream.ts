import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { codeOf, type DnsQuery, dnsCodes, isReplyTo, writeForwarded } from './message.ts'
import type { DnsServer, HostServers } from './resolv-conf.ts'
import { splitTcpMessages, writeTcpMessage } from './tcp-message.ts'

/** Asks the host's own servers. */
export interface Upstream {
  /** The reply's message under the query's id; undefined when nobody answered, or when `client` has asked too much at once. */
  ask(query: DnsQuery, transport: 'udp' | 'tcp', client: string): Promise<Buffer | undefined>
}

/** How long one server may take. A guest's resolver asks again after 5 s (resolv.conf(5)). */
const serverTimeoutMs = 2000
/** Questions under way: of one guest, so that its flood is its own trouble, and in all. */
const limitPerClient = 64
const limit = 2048
/** With these a server says that it cannot help; the next one is asked. */
const refusals: ReadonlySet<number> = new Set([dnsCodes.SERVFAIL, dnsCodes.REFUSED, dnsCodes.NOTIMP])

export function createUpstream({ servers }: { readonly servers: HostServers }): Upstream {
  const counts = new Map<string, number>()
  let total = 0

  async function askAll(query: DnsQuery, transport: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    let refused: Buffer | undefined
    for (const server of await servers.serversFor(query.name)) {
      const reply = await askServer(server, query, transport).catch(() => undefined)
      if (reply && !refusals.has(codeOf(reply))) return reply
      refused ??= reply
    }
    return refused
  }

  return {
    ask: async (query, transport, client) => {
      const count = counts.get(client) ?? 0
      if (count >= limitPerClient || total >= limit) return undefined
      counts.set(client, count + 1)
      total++
      try {
        return await askAll(query, transport)
      } finally {
        total--
        const left = (counts.get(client) ?? 1) - 1
        if (left > 0) counts.set(client, left)
        else counts.delete(client)
      }
    },
  }
}

/** An id of its own for every question, and for UDP a socket of its own: whoever guesses must guess both (RFC 5452). */
async function askServer(server: DnsServer, query: DnsQuery, transport: 'udp' | 'tcp'): Promise<Buffer> {
  const id = randomInt(0x1_00_00)
  const message = writeForwarded(query, id)
  const reply = await (transport === 'udp'
    ? askByUdp(server, message, (candidate) => isReplyTo(query, id, candidate))
    : askByTcp(server, message))
  if (!isReplyTo(query, id, reply)) throw new Error('that is no answer')
  reply.writeUInt16BE(query.id, 0)
  return reply
}

async function askByUdp(
  { address, port }: DnsServer,
  message: Buffer,
  isReply: (candidate: Buffer) => boolean,
): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    const end = (settle: () => void) => {
      clearTimeout(timer)
      socket.removeAllListeners('message')
      // What comes after the end concerns nobody.
      socket.on('error', () => undefined)
      socket.close()
      settle()
    }
    const timer = setTimeout(() => end(() => reject(new Error('timeout'))), serverTimeoutMs)
    socket.once('error', (error) => end(() => reject(error)))
    // Connected: only that server is heard, and a port where nobody listens is told of at once.
    socket.connect(port, address, () => socket.send(message))
    socket.on('message', (reply) => {
      if (isReply(reply)) end(() => resolve(reply))
    })
  })
}

async function askByTcp({ address, port }: DnsServer, message: Buffer): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, noDelay: true })
    const timer = setTimeout(() => socket.destroy(new Error('timeout')), serverTimeoutMs)
    socket.once('connect', () => writeTcpMessage(socket, message))
    socket.on('error', reject)
    socket.once('close', () => {
      clearTimeout(timer)
      reject(new Error('closed'))
    })
    splitTcpMessages(socket, (reply) => {
      resolve(reply)
      socket.destroy()
    })
  })
}
