import { invalidParameterValue } from '../errors.ts'
import type { FlowRecord, LoggedInterface, LogLine } from './flow-record.ts'

type FieldValue = string | number | undefined

/** A field of a record: the version of flow logs that brought it, and what it says; undefined is written as `-`. */
interface Field {
  readonly version: number
  read(line: LogLine, version: number): FieldValue
}

/**
 * "Available fields" of EC2's flow logs, versions 2 to 5. The address of an interface is its primary one in `srcaddr` and `dstaddr`; the
 * packet's own are `pkt-srcaddr` and `pkt-dstaddr`. What has no meaning here (edge locations, AWS services' addresses) is `-`, as on EC2
 * for what does not apply.
 */
const fields: Readonly<Record<string, Field>> = {
  version: { version: 2, read: (_, version) => version },
  'account-id': of((logged) => logged.accountId, 2),
  'interface-id': of((logged) => logged.id, 2),
  srcaddr: {
    version: 2,
    read: ({ logged, flow }) => flow && (flow.isEntering ? flow.source : ownAddress(logged, flow.source)),
  },
  dstaddr: {
    version: 2,
    read: ({ logged, flow }) => flow && (flow.isEntering ? ownAddress(logged, flow.destination) : flow.destination),
  },
  srcport: ofFlow((flow) => flow.sourcePort, 2),
  dstport: ofFlow((flow) => flow.destinationPort, 2),
  protocol: ofFlow((flow) => flow.protocol, 2),
  packets: ofFlow((flow) => flow.packets, 2),
  bytes: ofFlow((flow) => flow.bytes, 2),
  start: { version: 2, read: ({ since, flow }) => Math.floor((flow?.since ?? since) / 1000) },
  end: { version: 2, read: ({ until, flow }) => Math.floor((flow?.until ?? until) / 1000) },
  action: ofFlow(({ isAccepted }) => (isAccepted ? 'ACCEPT' : 'REJECT'), 2),
  'log-status': { version: 2, read: ({ status }) => status },
  'vpc-id': of((logged) => logged.vpcId, 3),
  'subnet-id': of((logged) => logged.subnetId, 3),
  'instance-id': of((logged) => logged.instanceId, 3),
  'tcp-flags': ofFlow((flow) => flow.tcpFlags, 3),
  type: ofFlow(({ source }) => (isIpv6(source) ? 'IPv6' : 'IPv4'), 3),
  'pkt-srcaddr': ofFlow((flow) => flow.source, 3),
  'pkt-dstaddr': ofFlow((flow) => flow.destination, 3),
  region: of((logged) => logged.region, 4),
  'az-id': of((logged) => logged.zoneId, 4),
  'sublocation-type': ofFlow(() => undefined, 4),
  'sublocation-id': ofFlow(() => undefined, 4),
  'pkt-src-aws-service': ofFlow(() => undefined, 5),
  'pkt-dst-aws-service': ofFlow(() => undefined, 5),
  'flow-direction': ofFlow(({ isEntering }) => (isEntering ? 'ingress' : 'egress'), 5),
  'traffic-path': {
    version: 5,
    read: ({ logged, flow }) => (flow?.isAccepted && !flow.isEntering ? logged.pathTo(flow.destination) : undefined),
  },
}

/** EC2's own format, version 2. */
export const defaultFormat = Object.entries(fields)
  .filter(([, { version }]) => version === 2)
  .map(([name]) => `\${${name}}`)
  .join(' ')

/** A format that was understood. */
export interface LogFormat {
  /** The names of its fields: the first line of a file. */
  readonly header: string
  readonly write: (line: LogLine) => string
}

/** Throws InvalidParameterValue for what names no fields, or others than those. */
export function parseLogFormat(text: string): LogFormat {
  const names = text.trim().split(/\s+/).map(readName)
  // "If you specify a custom format, the version is the highest version among the specified fields."
  const version = Math.max(...names.map((name) => fields[name]?.version ?? 2))
  return {
    header: names.join(' '),
    write: (line) => names.map((name) => fields[name]?.read(line, version) ?? '-').join(' '),
  }
}

function isIpv6(address: string): boolean {
  return address.includes(':')
}

/** The interface's own for a packet that has that address. Of IPv6 it has no primary one but the first. */
function ownAddress({ privateIp, ipv6Addresses }: LoggedInterface, address: string): string | undefined {
  if (!isIpv6(address)) return privateIp
  return ipv6Addresses.includes(address) ? address : ipv6Addresses[0]
}

function readName(part: string): string {
  const [, name] = /^\$\{([a-z0-9-]+)\}$/.exec(part) ?? []
  if (name !== undefined && Object.hasOwn(fields, name)) return name
  throw invalidParameterValue(
    'LogFormat',
    part.slice(0, 80),
    `Expected fields such as \${srcaddr}, separated by spaces, out of ${Object.keys(fields).join(', ')}.`,
  )
}

function of(read: (logged: LoggedInterface) => FieldValue, version: number): Field {
  return { version, read: ({ logged }) => read(logged) }
}

function ofFlow(read: (flow: FlowRecord) => FieldValue, version: number): Field {
  return { version, read: ({ flow }) => flow && read(flow) }
}
