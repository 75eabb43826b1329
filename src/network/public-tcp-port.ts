import { createServer, type Socket } from 'node:net'
import type { Conversation, Overhearing } from './overhearing.ts'
import type { OpenPublicPort } from './public-port.ts'

export interface PublicTcpDependencies {
  readonly overhearing: Pick<Overhearing, 'begin'>
  readonly dial: (vpcId: string, host: string, port: number, signal: AbortSignal) => Promise<Socket>
}

/** Ports whose connections are carried into the VPC byte by byte. */
export function createTcpOpener({ dial, overhearing }: PublicTcpDependencies): OpenPublicPort {
  return async (vpcId, { publicIp, privateIp, port }, hostPort) => {
    const connections = new Set<Socket>()

    function carry(client: Socket): void {
      // What the client says meanwhile waits in its buffer, which is bounded; that it gives up is seen.
      client.pause()
      connections.add(client)
      const patience = new AbortController()
      const conversation = overhearing.begin(vpcId, privateIp, port)
      client.on('error', () => client.destroy())
      client.once('close', () => {
        connections.delete(client)
        patience.abort()
        conversation.end()
      })
      carryTo(client, conversation, patience.signal).catch(() => client.resetAndDestroy())
    }

    async function carryTo(client: Socket, conversation: Conversation, signal: AbortSignal): Promise<void> {
      const server = await dial(vpcId, privateIp, port, signal)
      conversation.follow(server)
      joinSockets(client, server)
    }

    // Half-open, so that a client that has said all still hears the answer.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, carry)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(hostPort, publicIp, () => {
        server.off('error', reject)
        server.on('error', () => undefined)
        resolve()
      })
    })
    return {
      stop: () => void server.close(),
      resume: () => false,
      isIdle: () => connections.size === 0,
      end: () => {
        server.close()
        for (const client of connections) client.resetAndDestroy()
      },
    }
  }
}

/** Carries bytes both ways with back-pressure; each direction ends by itself, an error ends both. */
function joinSockets(client: Socket, server: Socket): void {
  if (client.destroyed) {
    server.destroy()
    return
  }
  server.on('error', () => client.destroy())
  client.on('close', () => server.destroy())
  server.on('close', () => client.destroy())
  client.pipe(server)
  server.pipe(client)
  server.resume()
}
