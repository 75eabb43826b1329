import type { RemoteInfo, Socket as UdpSocket } from 'node:dgram'
import type { Server, Socket } from 'node:net'
import { type DnsQuery, readQuery, writeRefusal } from './message.ts'
import { splitTcpMessages, writeTcpMessage } from './tcp-message.ts'

/** Answers a question with a message. `client` is the address that it came from. */
export type DnsResponder = (query: DnsQuery, transport: 'udp' | 'tcp', client: string) => Promise<Buffer>

export interface DnsService {
  close(): void
}

const connectionLimit = 256
const connectionsPerClient = 8
/** Questions of one connection that are worked on at once. */
const pipelineLimit = 16
const idleTimeoutMs = 10_000
/** The largest message that TCP carries. */
export const tcpSize = 65_535

/** Serves DNS on a UDP socket that is bound already. */
export function serveUdp(socket: UdpSocket, respond: DnsResponder, onError: (error: unknown) => void): DnsService {
  async function serve(bytes: Buffer, { address, port }: RemoteInfo): Promise<void> {
    const reply = await answer(bytes, (query) => respond(query, 'udp', address), onError)
    // The socket may be closed by now.
    if (reply && !isClosed) socket.send(reply, port, address, () => undefined)
  }
  let isClosed = false
  socket.on('message', (bytes, peer) => {
    // Nobody is at port 0, and Node throws an error at whoever sends there.
    if (peer.port !== 0) void serve(bytes, peer)
  })
  socket.on('close', () => (isClosed = true))
  socket.on('error', onError)
  return { close: () => socket.close() }
}

/** Serves DNS on a server that listens already. */
export function serveTcp(server: Server, respond: DnsResponder, onError: (error: unknown) => void): DnsService {
  const connections = new Map<Socket, string>()
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => socket.destroy())
    const client = socket.remoteAddress ?? ''
    const own = [...connections.values()].filter((other) => other === client)
    if (connections.size >= connectionLimit || own.length >= connectionsPerClient) {
      socket.resetAndDestroy()
      return
    }
    connections.set(socket, client)
    socket.once('close', () => connections.delete(socket))
    socket.setTimeout(idleTimeoutMs, () => socket.destroy())
    let pending = 0
    splitTcpMessages(socket, (bytes) => {
      pending++
      if (pending >= pipelineLimit) socket.pause()
      void serve(bytes)
    })
    async function serve(bytes: Buffer): Promise<void> {
      const reply = await answer(bytes, (query) => respond(query, 'tcp', client), onError)
      pending--
      if (reply && socket.writable) writeTcpMessage(socket, reply)
      socket.resume()
    }
  })
  server.on('error', onError)
  return {
    close: () => {
      server.close()
      for (const socket of connections.keys()) socket.destroy()
    },
  }
}

/** The reply to what came in; undefined where nothing can be said. */
async function answer(
  bytes: Buffer,
  respond: (query: DnsQuery) => Promise<Buffer>,
  onError: (error: unknown) => void,
): Promise<Buffer | undefined> {
  const query = readQuery(bytes)
  if (query === undefined) return undefined
  if (typeof query === 'string') return writeRefusal(bytes, query)
  try {
    return await respond(query)
  } catch (error) {
    onError(error)
    // Of the bytes that came: names that are no text cannot be written again.
    return writeRefusal(bytes, 'SERVFAIL')
  }
}
