import { createServer, type Server, type Socket } from 'node:net'
import type { PublicPort } from '../ec2/ports/network.ts'
import type { WantedPort } from './public-ports.ts'

/** Offers instances' ports on the host's loopback and carries the bytes into the VPC. */
export interface PublicForwarder {
  /**
   * Opens and closes listeners so that just these ports are offered for a VPC. Connections that stand go on, as tracked ones do on
   * EC2, but for those to an address that is not the instance's any more (`owners`: private by public address).
   */
  offer(vpcId: string, wanted: readonly WantedPort[], owners: ReadonlyMap<string, string>): Promise<void>
  /** Tries again what could not be had, or only at its stand-in. */
  retry(): Promise<void>
  ports(): readonly PublicPort[]
  /** What could not be offered as it should be, one line a port. */
  warnings(): string[]
  close(): void
}

export interface PublicForwarderDependencies {
  readonly dial: (vpcId: string, host: string, port: number, signal: AbortSignal) => Promise<Socket>
  /** Ports below this one need root (net.ipv4.ip_unprivileged_port_start). */
  readonly firstUnprivilegedPort: number
}

/** Where a port stands in for one that is taken, or too low for an ordinary user. */
const standInOffset = 10_000

interface Listener {
  readonly vpcId: string
  readonly wanted: WantedPort
  readonly connections: Set<Socket>
  /** By port of the host; a stand-in stays when the port itself can be had later. */
  readonly servers: Map<number, Server>
  problem: string | undefined
  isClosed: boolean
}

export function createPublicForwarder(dependencies: PublicForwarderDependencies): PublicForwarder {
  const listeners = new Map<string, Listener>()
  /** Closed ones whose connections go on. */
  const closed = new Set<Listener>()

  async function open(listener: Listener): Promise<void> {
    const { publicIp, port } = listener.wanted
    const isLow = port < dependencies.firstUnprivilegedPort
    const standIn = port + standInOffset > 65_535 ? undefined : port + standInOffset
    let why: string | undefined
    for (const hostPort of isLow ? [standIn] : [port, standIn]) {
      if (hostPort === undefined || listener.servers.has(hostPort)) break
      const error = await listen(listener, hostPort)
      if (error === undefined) break
      why ??= `${publicIp}:${hostPort} cannot be offered: ${describeListenError(error)}`
    }
    listener.problem = why
  }

  /** Answers the error, if any. */
  async function listen(listener: Listener, hostPort: number): Promise<NodeJS.ErrnoException | undefined> {
    // Half-open, so that a client that has said all still hears the answer.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => carry(listener, client))
    return await new Promise((resolve) => {
      server.once('error', (error) => resolve(error))
      server.listen(hostPort, listener.wanted.publicIp, () => {
        server.on('error', () => undefined)
        if (listener.isClosed) server.close()
        else listener.servers.set(hostPort, server)
        resolve(undefined)
      })
    })
  }

  function carry({ vpcId, wanted, connections }: Listener, client: Socket): void {
    // What the client says meanwhile waits in its buffer, which is bounded; that it gives up is seen.
    client.pause()
    connections.add(client)
    const patience = new AbortController()
    client.on('error', () => client.destroy())
    client.once('close', () => {
      connections.delete(client)
      patience.abort()
    })
    dependencies.dial(vpcId, wanted.privateIp, wanted.port, patience.signal).then(
      (server) => joinSockets(client, server),
      () => client.resetAndDestroy(),
    )
  }

  function close(listener: Listener): void {
    listener.isClosed = true
    closed.add(listener)
    for (const server of listener.servers.values()) server.close()
    listener.servers.clear()
  }

  function hostPortOf({ wanted, servers }: Listener): number | undefined {
    return servers.has(wanted.port) ? wanted.port : [...servers.keys()][0]
  }

  return {
    offer: async (vpcId, wanted, owners) => {
      const keys = new Map(wanted.map((port) => [`${port.publicIp}:${port.port}:${port.privateIp}`, port]))
      for (const [key, listener] of listeners) {
        if (listener.vpcId !== vpcId || keys.has(key)) continue
        close(listener)
        listeners.delete(key)
      }
      for (const listener of [...closed, ...listeners.values()]) {
        if (listener.vpcId !== vpcId || owners.get(listener.wanted.publicIp) === listener.wanted.privateIp) continue
        for (const client of listener.connections) client.resetAndDestroy()
      }
      for (const listener of closed) if (listener.connections.size === 0) closed.delete(listener)
      await Promise.all(
        [...keys].map(async ([key, port]) => {
          if (listeners.has(key)) return
          const listener: Listener = {
            vpcId,
            wanted: port,
            connections: new Set(),
            servers: new Map(),
            problem: undefined,
            isClosed: false,
          }
          listeners.set(key, listener)
          await open(listener)
        }),
      )
    },
    retry: async () => {
      const unmet = [...listeners.values()].filter(({ problem }) => problem !== undefined)
      await Promise.all(unmet.map(async (listener) => await open(listener)))
    },
    ports: () =>
      [...listeners.values()].map((listener) => {
        const { publicIp, port } = listener.wanted
        const hostPort = hostPortOf(listener)
        const problem = listener.problem && `${listener.problem}; ${describeStandIn(hostPort)}`
        return { publicIp, port, hostPort, ...(problem === undefined ? {} : { problem }) }
      }),
    warnings: () => describeUnmet([...listeners.values()].filter(({ problem }) => problem !== undefined)),
    close: () => {
      for (const listener of listeners.values()) close(listener)
      listeners.clear()
    },
  }

  /** Twenty servers of one lab have the same trouble: it is told once. */
  function describeUnmet(unmet: readonly Listener[]): string[] {
    const groups = new Map<string, Listener[]>()
    for (const listener of unmet) {
      const hostPort = hostPortOf(listener)
      const key = `${describeStandIn(hostPort)}: ${listener.problem}`.replaceAll(listener.wanted.publicIp, 'ADDRESS')
      groups.set(key, [...(groups.get(key) ?? []), listener])
    }
    return [...groups].map(([key, members]) => {
      const { publicIp, port } = members[0]?.wanted ?? { publicIp: '', port: 0 }
      const others = members.length > 1 ? ` and of ${members.length - 1} other addresses` : ''
      return `port ${port} of ${publicIp}${others}: ${key.replaceAll('ADDRESS', publicIp)}`
    })
  }
}

function describeStandIn(hostPort: number | undefined): string {
  return hostPort === undefined ? 'it is not offered' : `it is offered at port ${hostPort} instead`
}

function describeListenError(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'another program of this host listens there (or on that port of every address: 0.0.0.0, as sshd does)'
    case 'EACCES':
      return 'this user may not (net.ipv4.ip_unprivileged_port_start)'
    default:
      return error.message
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
