import type { FlowCount } from '../ports/flow-count.ts'

/** The interface whose packets a record is about. */
export interface LoggedInterface {
  readonly id: string
  readonly accountId: string
  readonly region: string
  readonly vpcId: string
  readonly subnetId: string
  readonly zoneId: string
  readonly instanceId?: string
  /** The primary one. */
  readonly privateIp: string
  /** In their order; none: it has no IPv6. */
  readonly ipv6Addresses: readonly string[]
  /** EC2's number of the path that a packet to an address takes; undefined where none of them is meant. */
  pathTo(address: string): number | undefined
}

/** What came together of one flow at one interface, in one direction and with one verdict. */
export interface FlowRecord extends FlowCount {
  /** Milliseconds since 1970. */
  readonly since: number
  readonly until: number
}

/** How a flow was recorded: `OK`, nothing passed the interface (`NODATA`), or some of what passed it is missing (`SKIPDATA`). */
export type LogStatus = 'OK' | 'NODATA' | 'SKIPDATA'

/** A line of a flow log. Without a flow it says its status alone. */
export interface LogLine {
  readonly logged: LoggedInterface
  readonly since: number
  readonly until: number
  readonly status: LogStatus
  readonly flow?: FlowRecord
}

/** The same flow later on. */
export function joinFlows(one: FlowRecord, other: FlowRecord): FlowRecord {
  return {
    ...one,
    packets: one.packets + other.packets,
    bytes: one.bytes + other.bytes,
    tcpFlags: one.tcpFlags | other.tcpFlags,
    since: Math.min(one.since, other.since),
    until: Math.max(one.until, other.until),
  }
}

/** Equal for what belongs into one record. */
export function keyOfFlow(flow: FlowCount): string {
  const { isEntering, isAccepted, source, destination, protocol, sourcePort, destinationPort } = flow
  return [isEntering, isAccepted, source, destination, protocol, sourcePort, destinationPort].join(' ')
}
