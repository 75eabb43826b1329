import { createServer, type Server, type Socket } from 'node:net'
import type { PublicPort } from '../ec2/ports/network.ts'
import type { WantedPort } from './public-ports.ts'

/** Offers instances' ports on the host's loopback and carries the bytes into the VPC. */
export interface PublicForwarder {
  /** Opens and closes listeners so that just these ports are offered for a VPC. Connections that stand go on. */
  offer(vpcId: string, wanted: readonly WantedPort[]): Promise<void>
  ports(): readonly PublicPort[]
  close(): Promise<void>
}

export interface PublicForwarderDependencies {
  readonly dial: (vpcId: string, host: string, port: number) => Promise<Socket>
  /** Ports below this one need root (net.ipv4.ip_unprivileged_port_start). */
  readonly firstUnprivilegedPort: number
}

/** Where a low port is offered to ordinary users. */
const lowPortOffset = 10_000

interface Listener extends PublicPort {
  readonly vpcId: string
  readonly privateIp: string
  readonly server: Server | undefined
}

export function createPublicForwarder(dependencies: PublicForwarderDependencies): PublicForwarder {
  const listeners = new Map<string, Listener>()

  async function open(vpcId: string, wanted: WantedPort): Promise<Listener> {
    const { publicIp, privateIp, port } = wanted
    const hostPort = port < dependencies.firstUnprivilegedPort ? port + lowPortOffset : port
    // Half-open, so that a client that has said all still hears the answer.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => carry(vpcId, wanted, client))
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(hostPort, publicIp, resolve)
      })
      server.on('error', () => undefined)
      return { vpcId, publicIp, privateIp, port, hostPort, server }
    } catch (error) {
      const problem = `${publicIp}:${hostPort} cannot be offered: ${error instanceof Error ? error.message : 'unknown'}`
      return { vpcId, publicIp, privateIp, port, hostPort: undefined, problem, server: undefined }
    }
  }

  function carry(vpcId: string, { privateIp, port }: WantedPort, client: Socket): void {
    client.on('error', () => client.destroy())
    dependencies.dial(vpcId, privateIp, port).then(
      (server) => joinSockets(client, server),
      () => client.resetAndDestroy(),
    )
  }

  return {
    offer: async (vpcId, wanted) => {
      const keys = new Map(wanted.map((port) => [`${port.publicIp}:${port.port}:${port.privateIp}`, port]))
      for (const [key, listener] of listeners) {
        if (listener.vpcId !== vpcId || keys.has(key)) continue
        listener.server?.close()
        listeners.delete(key)
      }
      await Promise.all(
        [...keys].map(async ([key, port]) => {
          if (!listeners.get(key)?.server) listeners.set(key, await open(vpcId, port))
        }),
      )
    },
    ports: () =>
      [...listeners.values()].map(({ publicIp, port, hostPort, problem }) => ({
        publicIp,
        port,
        hostPort,
        ...(problem === undefined ? {} : { problem }),
      })),
    close: async () => {
      for (const { server } of listeners.values()) server?.close()
      listeners.clear()
    },
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
  client.resume()
  server.resume()
}
