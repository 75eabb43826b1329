import type { Socket as DatagramSocket } from 'node:dgram'
import type { Socket } from 'node:net'
import type { VpcNetwork } from './vpc-network.ts'

/**
 * What the domain asks of the network. A VPC is told whole, as it shall be (vpc-network.ts), and `converge` makes it so. Implemented by
 * src/network/ with namespaces, routed taps, nftables, dnsmasq and pasta.
 */

/** A port of a public address. */
export interface PublicPort {
  readonly protocol: 'tcp' | 'udp'
  readonly publicIp: string
  /** The port on the instance. */
  readonly port: number
  /** The port on the host: the same, or port + 10000 where it is taken or too low for this user; undefined when neither was had. */
  readonly hostPort: number | undefined
  /** Why it is not the port itself. It is tried again until it can be had. */
  readonly problem?: string
}

/** Ports of a public address that groups open, but too many to be all offered on the host. */
export interface PublicRange {
  readonly protocol: 'tcp' | 'udp'
  readonly publicIp: string
  readonly fromPort: number
  readonly toPort: number
}

/** What of the host's own network guests do not reach by the way out. */
export interface ClosedNetworks {
  /** The host's own addresses. */
  readonly hostAddresses: readonly string[]
  /** The blocks of the networks that the host is directly connected to; none where its configuration opens them. */
  readonly lanBlocks: readonly string[]
}

/** Packets that an interface has sent and nobody has received, whatever groups and routes say. */
export interface DroppedPackets {
  /** Under a MAC or an address that is not its own, as a DHCP server or as a router. */
  readonly forged: number
  /** Beyond what one interface may ask of its router, or have open. */
  readonly flood: number
}

export interface Network {
  /**
   * Makes the VPC's namespace if there is none and brings taps, firewall and public ports to what is told; leases, names, metadata
   * service and way out follow at once, and what fails of them is a warning. Calls for one VPC are done one after the other, and a
   * newer one replaces those still waiting. Resolves when this state, or a newer one, is in force. Safe to repeat.
   */
  converge(vpc: VpcNetwork): Promise<void>
  /** No machine of the VPC runs: its namespace, if there is one, waits a while for the next launch and then ends. */
  idle(vpc: VpcNetwork): Promise<void>
  /** The argv prefix that runs a machine with these taps. Valid after `converge`; throws when one of the taps could not be made. */
  commandPrefix(vpcId: string, tapNames: readonly string[]): readonly string[]
  /** Whether that process is in the VPC's namespace, and not in one that it has had before. */
  isInside(vpcId: string, pid: number): Promise<boolean>
  /** Ends the namespace with all that lives in it. */
  remove(vpcId: string): Promise<void>
  /** Takes over, or ends, what an earlier daemon left: namespaces of `vpcIds` are adopted, all others removed. */
  adopt(vpcIds: ReadonlySet<string>): Promise<void>
  /** Connects from the VPC's router to an address in it. Rejects with the error code of connect(2) or on abort. */
  dial(vpcId: string, host: string, port: number, signal: AbortSignal): Promise<Socket>
  /** The same from an address of one of the VPC's connect endpoints: security groups count. */
  dialFrom(vpcId: string, from: string, host: string, port: number, signal: AbortSignal): Promise<Socket>
  /**
   * The first bytes of an answer to somebody who connects there by a public address at the moment; undefined when nobody does, or nothing
   * comes of it, or the signal is aborted.
   */
  overhear(vpcId: string, host: string, port: number, signal: AbortSignal): Promise<Buffer | undefined>
  /** Whoever waits for an address of the VPC to answer is tried once more at once: it does from now on. */
  dialAgain(vpcId: string, host: string): void
  /** A UDP socket at a free port of the VPC's router, of that version of IP. */
  bindUdp(vpcId: string, version: 4 | 6): Promise<DatagramSocket>
  /** The IPv4 addresses of a name, or else its IPv6 addresses, as the VPC's own DNS server has them. Rejects where it has none. */
  resolve(vpcId: string, name: string): Promise<readonly string[]>
  /** Whether the VPC has a namespace: a machine of it runs, or ran a moment ago. */
  isLive(vpcId: string): boolean
  /** Takes a reading of what is counted in each VPC; `NetworkDependencies.onFlowReading` is told of it. */
  readFlows(): Promise<void>
  publicPorts(): readonly PublicPort[]
  /** What interfaces of a VPC have sent in vain since its namespace was made, by tap. None where it has no network. */
  droppedPackets(vpcId: string): Promise<ReadonlyMap<string, DroppedPackets>>
  /** Why packets cannot be delayed on this host; undefined when they can. */
  delayProblem(): Promise<string | undefined>
  /** Why no machine can be a port of that bridge of the host, in a sentence; undefined when it can. */
  bridgeProblem(bridge: string): string | undefined
  /** As it is now. */
  closedNetworks(): ClosedNetworks
  /** The IPv4 addresses that guests of a VPC have taken on bridges of the host within a day, by tap, the latest first. */
  bridgedAddresses(vpcId: string): Promise<ReadonlyMap<string, readonly string[]>>
  /** Of which open ports the host offers the well-known ones only. */
  partialRanges(): readonly PublicRange[]
  /** What users should know: no egress because the host has no route, ports that are taken, … */
  warnings(): readonly string[]
  /** Closes listeners and helpers of this daemon; namespaces with machines, and the machines, stay. */
  close(): Promise<void>
}
