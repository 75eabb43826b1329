import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { NamespaceBroker } from './namespace-broker.ts'

/** A guest is free to attack: what one address may hold open, how much it may say and how long that may take. */
const connectionsPerSource = 32
const headerBytes = 8192
const headersTimeoutMs = 10_000
const requestTimeoutMs = 15_000
const idleTimeoutMs = 20_000
const checkIntervalMs = 5000

/** Serves a port of an address in a VPC. */
export async function serveGuests(
  broker: NamespaceBroker,
  address: string,
  port: number,
  server: Server,
): Promise<Server> {
  const listening = await broker.listen(address, port)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(listening, resolve)
  })
  return server
}

/** The HTTP server of the metadata service with limits for hostile clients, not listening yet. */
export function createMetadataServer(listener: RequestListener): Server {
  const server = createServer(
    {
      maxHeaderSize: headerBytes,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: checkIntervalMs,
    },
    (request, response) => {
      response.shouldKeepAlive = false
      listener(request, response)
    },
  )
  // Whoever says with its question that it has no other one (nc does) still gets an answer that takes a moment. Node has no documented
  // name for it: https://github.com/nodejs/node/blob/v20.19.0/lib/_http_server.js, socketOnEnd.
  Object.assign(server, { httpAllowHalfOpen: true })
  // One answer a connection, as on EC2: the hop limit's rules rely on it (ruleset.ts).
  server.maxRequestsPerSocket = 1
  // Node leaves the connection open when it has refused what came after.
  server.on('dropRequest', (_request, socket: Socket) => socket.destroySoon())
  server.setTimeout(idleTimeoutMs, (socket) => socket.destroy())
  return limitConnections(server)
}

/** Turns away a guest that holds open too many connections. */
export function limitConnections(server: Server): Server {
  const counts = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const source = socket.remoteAddress ?? ''
    const count = (counts.get(source) ?? 0) + 1
    if (count > connectionsPerSource) {
      socket.resetAndDestroy()
      return
    }
    counts.set(source, count)
    socket.once('close', () => {
      const left = (counts.get(source) ?? 1) - 1
      if (left > 0) counts.set(source, left)
      else counts.delete(source)
    })
  })
  return server
}
