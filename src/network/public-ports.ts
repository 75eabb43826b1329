import type { AclEntry, FirewallRule, SubnetAcl } from '../ec2/ports/firewall.ts'
import type { PublicRange } from '../ec2/ports/network.ts'
import type { VpcNetwork } from '../ec2/ports/vpc-network.ts'
import ipaddr from 'ipaddr.js'
import { internetAddressesOf } from './internet-address.ts'

/** Ranges up to this width are offered whole; of a wider one only well-known ports: each is a socket of the daemon's. */
const widestRange = 1024
/** What one public address has of each protocol at most. */
const portsPerAddress = 2048

const commonPorts = {
  tcp: [
    ...[22, 25, 53, 80, 110, 143, 443, 465, 587, 993, 3000, 3306, 3389, 5000, 5432, 5672, 5900, 6379, 6443],
    ...[8000, 8080, 8081, 8443, 8888, 9000, 9090, 9092, 9200, 11_211, 27_017],
  ],
  udp: [53, 69, 123, 161, 443, 500, 514, 1194, 3478, 4500, 5060, 5349, 27_015, 51_820],
} as const

/** The first and the last that Linux gives to clients. */
const ephemeralPorts = [32_768, 60_999]

type Protocol = 'tcp' | 'udp'
const protocols: readonly Protocol[] = ['tcp', 'udp']

/** A port that the host shall offer for an instance. */
export interface WantedPort {
  readonly protocol: Protocol
  readonly publicIp: string
  readonly privateIp: string
  readonly port: number
}

/** What the host shall offer for a VPC. */
export interface PublicPortPlan {
  readonly wanted: readonly WantedPort[]
  /** What is open, but too wide to be offered whole. */
  readonly partial: readonly PublicRange[]
}

/** The TCP and UDP ports that the groups of each public address and its subnet's network ACL open to the host itself. Pure. */
export function planPublicPorts(vpc: VpcNetwork, hostAddresses: readonly string[]): PublicPortPlan {
  const lists = new Map(vpc.prefixLists.map(({ id, cidrs }) => [id, cidrs]))
  const groups = new Map(vpc.groups.map((group) => [group.id, group]))
  const acls = new Map(vpc.subnets.map(({ id, acl }) => [id, acl]))
  const wanted: WantedPort[] = []
  const partial: PublicRange[] = []
  for (const { publicIp, privateIp, subnetId, groupIds } of internetAddressesOf(vpc)) {
    const rules = groupIds.flatMap((id) => groups.get(id)?.ingress ?? [])
    const open = rules.filter((rule) => isOpenToHost(rule, lists, hostAddresses))
    for (const protocol of protocols) {
      const own = open.filter((rule) => rule.protocol === protocol || rule.protocol === 'all')
      const ports = [...new Set(own.flatMap((rule) => portsOf(rule, protocol)))].filter((port) =>
        isPassable(acls.get(subnetId), protocol, port, hostAddresses),
      )
      for (const port of ports.slice(0, portsPerAddress)) wanted.push({ protocol, publicIp, privateIp, port })
      for (const { fromPort, toPort } of mergeRanges(own.map(rangeOf).filter(isTooWide))) {
        partial.push({ protocol, publicIp, fromPort, toPort })
      }
      if (ports.length > portsPerAddress) {
        const cut = ports.slice(portsPerAddress)
        partial.push({ protocol, publicIp, fromPort: Math.min(...cut), toPort: Math.max(...cut) })
      }
    }
  }
  return { wanted, partial }
}

function isOpenToHost(
  { protocol, cidr, prefixListId }: FirewallRule,
  lists: ReadonlyMap<string, readonly string[]>,
  hostAddresses: readonly string[],
): boolean {
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'all') return false
  const cidrs = prefixListId === undefined ? [cidr ?? ''] : (lists.get(prefixListId) ?? [])
  const blocks = cidrs.filter(isIpv4Block).map((block) => ipaddr.IPv4.parseCIDR(block))
  return ['127.0.0.1', ...hostAddresses].some((address) =>
    blocks.some((block) => ipaddr.IPv4.parse(address).match(block)),
  )
}

function isIpv4Block(cidr: string): boolean {
  return cidr !== '' && !cidr.includes(':')
}

/** Whether the host's packets may cross the subnet's edge both ways: clients take their ports from the ephemeral ones. */
function isPassable(
  acl: SubnetAcl | undefined,
  protocol: Protocol,
  port: number,
  hostAddresses: readonly string[],
): boolean {
  if (acl === undefined) return true
  return ['127.0.0.1', ...hostAddresses].some(
    (address) =>
      isAllowed(acl.ingress, protocol, address, port) &&
      ephemeralPorts.every((clientPort) => isAllowed(acl.egress, protocol, address, clientPort)),
  )
}

function isAllowed(entries: readonly AclEntry[], wanted: Protocol, address: string, port: number): boolean {
  const deciding = entries.find(
    ({ protocol, fromPort = 0, toPort = 65_535, cidr = '' }) =>
      (protocol === wanted || protocol === 'all') &&
      port >= fromPort &&
      port <= toPort &&
      isIpv4Block(cidr) &&
      ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parseCIDR(cidr)),
  )
  return deciding?.isAllowed ?? false
}

interface PortRange {
  readonly fromPort: number
  readonly toPort: number
}

/** A rule for all protocols has no ports. Nothing can be sent to port 0. */
function rangeOf({ fromPort = 0, toPort = 65_535 }: FirewallRule): PortRange {
  return { fromPort: Math.max(fromPort, 1), toPort: Math.min(toPort, 65_535) }
}

function isTooWide({ fromPort, toPort }: PortRange): boolean {
  return toPort - fromPort >= widestRange
}

function portsOf(rule: FirewallRule, protocol: Protocol): number[] {
  const range = rangeOf(rule)
  const { fromPort, toPort } = range
  if (!isTooWide(range)) {
    return Array.from({ length: Math.max(0, toPort - fromPort + 1) }, (_, index) => fromPort + index)
  }
  return commonPorts[protocol].filter((port) => port >= fromPort && port <= toPort)
}

/** Ranges that overlap or touch are one. */
function mergeRanges(ranges: readonly PortRange[]): PortRange[] {
  const merged: PortRange[] = []
  for (const range of ranges.toSorted((a, b) => a.fromPort - b.fromPort)) {
    const last = merged.at(-1)
    if (last && range.fromPort <= last.toPort + 1) {
      merged[merged.length - 1] = { fromPort: last.fromPort, toPort: Math.max(last.toPort, range.toPort) }
    } else merged.push(range)
  }
  return merged
}
