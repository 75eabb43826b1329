import type { Socket as DatagramSocket } from 'node:dgram'
import type { Socket } from 'node:net'
import type { PublicPort } from '../ec2/ports/network.ts'
import type { Clock } from '../host/clock.ts'
import type { Overhearing } from './overhearing.ts'
import type { OpenPort } from './public-port.ts'
import type { WantedPort } from './public-ports.ts'
import { createTcpOpener } from './public-tcp-port.ts'
import { createUdpOpener } from './public-udp-port.ts'
import { createUdpSessions } from './udp-sessions.ts'

/** Offers instances' ports on the host's loopback and carries the bytes into the VPC. */
export interface PublicForwarder {
  /**
   * Opens and closes ports so that just these are offered for a VPC. What stands goes on, as tracked connections do on EC2, but for
   * what stands to an address that is not the instance's any more (`owners`: private by public address).
   */
  offer(vpcId: string, wanted: readonly WantedPort[], owners: ReadonlyMap<string, string>): Promise<void>
  /** Ends silent UDP sessions, and tries again what could not be had, or only at its stand-in. Call it from time to time. */
  retry(): Promise<void>
  ports(): readonly PublicPort[]
  /** What could not be offered as it should be, one line for the ports that lack the same. */
  warnings(): string[]
  close(): void
}

export interface PublicForwarderDependencies {
  readonly overhearing: Pick<Overhearing, 'begin'>
  readonly clock: Clock
  readonly dial: (vpcId: string, host: string, port: number, signal: AbortSignal) => Promise<Socket>
  readonly bindUdp: (vpcId: string) => Promise<DatagramSocket>
  /** Ports below this one need root (net.ipv4.ip_unprivileged_port_start). */
  readonly firstUnprivilegedPort: number
  /** Each is a file descriptor of the daemon's. */
  readonly maximumPorts: number
}

/** Where a port stands in for one that is taken, or too low for an ordinary user. */
const standInOffset = 10_000

interface Listener {
  readonly vpcId: string
  readonly wanted: WantedPort
  /** By port of the host; a stand-in stays when the port itself can be had later. */
  readonly open: Map<number, OpenPort>
  problem: Problem | undefined
  isClosed: boolean
}

interface Problem {
  /** Undefined: of all ports. */
  readonly hostPort: number | undefined
  readonly why: string
}

export function createPublicForwarder(dependencies: PublicForwarderDependencies): PublicForwarder {
  const { clock, firstUnprivilegedPort, maximumPorts } = dependencies
  const sessions = createUdpSessions(clock)
  const openers = { tcp: createTcpOpener(dependencies), udp: createUdpOpener({ ...dependencies, sessions }) }
  const listeners = new Map<string, Listener>()
  /** Closed ones in which something stands. */
  const closed = new Map<string, Listener>()
  let openCount = 0

  async function open(listener: Listener): Promise<void> {
    const { port } = listener.wanted
    const standIn = port + standInOffset > 65_535 ? undefined : port + standInOffset
    let problem: Problem | undefined
    for (const hostPort of port < firstUnprivilegedPort ? [standIn] : [port, standIn]) {
      if (hostPort === undefined || listener.open.has(hostPort)) break
      if (openCount >= maximumPorts) {
        problem ??= { hostPort: undefined, why: `this daemon offers no more than ${maximumPorts} ports at a time` }
        break
      }
      const error = await listen(listener, hostPort)
      if (error === undefined) break
      problem ??= { hostPort, why: describeListenError(error) }
    }
    listener.problem = problem
  }

  /** Answers the error, if any. */
  async function listen(listener: Listener, hostPort: number): Promise<NodeJS.ErrnoException | undefined> {
    openCount++
    try {
      const port = await openers[listener.wanted.protocol](listener.vpcId, listener.wanted, hostPort)
      if (listener.isClosed) {
        openCount--
        port.end()
      } else listener.open.set(hostPort, port)
      return undefined
    } catch (error) {
      openCount--
      return error as NodeJS.ErrnoException
    }
  }

  function close(key: string, listener: Listener): void {
    listeners.delete(key)
    listener.isClosed = true
    openCount -= listener.open.size
    for (const port of listener.open.values()) port.stop()
    if (!isIdle(listener)) closed.set(key, listener)
  }

  /** What stands in a port of the same place stays its own. */
  function reopen(key: string): Map<number, OpenPort> {
    const resumed = [...(closed.get(key)?.open ?? [])].filter(([, port]) => port.resume())
    if (resumed.length > 0) closed.delete(key)
    openCount += resumed.length
    return new Map(resumed)
  }

  function end(listener: Listener): void {
    for (const port of listener.open.values()) port.end()
  }

  return {
    offer: async (vpcId, wanted, owners) => {
      const isOwned = (listener: Listener) => owners.get(listener.wanted.publicIp) === listener.wanted.privateIp
      const keys = new Map(wanted.map((port) => [keyOf(port), port]))
      for (const [key, listener] of listeners) {
        if (listener.vpcId === vpcId && !keys.has(key)) close(key, listener)
      }
      for (const [key, listener] of closed) {
        if (listener.vpcId === vpcId && !isOwned(listener)) end(listener)
        if (isIdle(listener)) closed.delete(key)
      }
      for (const listener of listeners.values()) if (listener.vpcId === vpcId && !isOwned(listener)) end(listener)
      await Promise.all(
        [...keys].map(async ([key, port]) => {
          if (listeners.has(key)) return
          const listener: Listener = { vpcId, wanted: port, open: reopen(key), problem: undefined, isClosed: false }
          listeners.set(key, listener)
          if (!listener.open.has(port.port)) await open(listener)
        }),
      )
    },
    retry: async () => {
      sessions.sweep()
      const unmet = [...listeners.values()].filter(({ problem }) => problem !== undefined)
      await Promise.all(unmet.map(async (listener) => await open(listener)))
    },
    ports: () =>
      [...listeners.values()].map((listener) => {
        const { protocol, publicIp, port } = listener.wanted
        const problem = listener.problem && describeProblem(listener, listener.problem)
        const offered = { protocol, publicIp, port, hostPort: hostPortOf(listener) }
        return problem === undefined ? offered : { ...offered, problem }
      }),
    warnings: () => describeUnmet([...listeners.values()]),
    close: () => {
      for (const [key, listener] of [...listeners]) close(key, listener)
      // Nobody sweeps UDP sessions any more. TCP connections end with the process.
      for (const listener of closed.values()) if (listener.wanted.protocol === 'udp') end(listener)
    },
  }
}

function keyOf({ protocol, publicIp, port, privateIp }: WantedPort): string {
  return `${protocol}:${publicIp}:${port}:${privateIp}`
}

function isIdle(listener: Listener): boolean {
  return [...listener.open.values()].every((port) => port.isIdle())
}

function hostPortOf({ wanted, open }: Listener): number | undefined {
  return open.has(wanted.port) ? wanted.port : [...open.keys()][0]
}

/** A thousand ports of one rule, or twenty servers of one lab, have the same trouble: it is told once. */
function describeUnmet(listeners: readonly Listener[]): string[] {
  const groups = new Map<string, { problem: Problem; members: Listener[] }>()
  for (const listener of listeners) {
    const { problem, wanted } = listener
    if (problem === undefined) continue
    const standIn = (hostPortOf(listener) ?? Number.NaN) - wanted.port
    const key = `${standIn} ${(problem.hostPort ?? Number.NaN) - wanted.port} ${problem.why}`
    const group = groups.get(key) ?? { problem, members: [] }
    group.members.push(listener)
    groups.set(key, group)
  }
  return [...groups.values()].map(({ problem, members }) => {
    const [first] = members
    if (first === undefined) return ''
    const { port, publicIp } = first.wanted
    const others = members.length > 1 ? ` and ${members.length - 1} more` : ''
    return `port ${port} of ${publicIp}${others}: ${describeProblem(first, problem)}`
  })
}

function describeProblem(listener: Listener, { hostPort, why }: Problem): string {
  const where = hostPort === undefined ? '' : `${listener.wanted.publicIp}:${hostPort} cannot be offered: `
  return `${where}${why}; ${describeStandIn(hostPortOf(listener))}`
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
    case 'EMFILE':
      return 'the daemon may open no more files (ulimit -Hn)'
    default:
      return error.message
  }
}
