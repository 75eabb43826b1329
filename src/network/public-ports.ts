import type { AclEntry, FirewallRule, SubnetAcl, VpcNetwork } from '../ec2/ports/network.ts'
import ipaddr from 'ipaddr.js'
import { internetAddressesOf } from './internet-address.ts'

/** Of a wider range only well-known ports are offered on the host: a listener a port would exhaust its file descriptors. */
const maximumRange = 128
const commonPorts = [
  22, 25, 53, 80, 110, 143, 443, 993, 3000, 3306, 5000, 5432, 6379, 8000, 8080, 8443, 9000, 9090, 9200, 27_017,
]

/** The first and the last that Linux gives to clients. */
const ephemeralPorts = [32_768, 60_999]

/** A port that the host shall offer for an instance. */
export interface WantedPort {
  readonly publicIp: string
  readonly privateIp: string
  readonly port: number
}

/** The TCP ports that the groups of each public address and its subnet's network ACL open to the host itself. Pure. */
export function wantedPorts(vpc: VpcNetwork, hostAddresses: readonly string[]): WantedPort[] {
  const lists = new Map(vpc.prefixLists.map(({ id, cidrs }) => [id, cidrs]))
  const groups = new Map(vpc.groups.map((group) => [group.id, group]))
  const acls = new Map(vpc.subnets.map(({ id, acl }) => [id, acl]))
  return internetAddressesOf(vpc).flatMap(({ publicIp, privateIp, subnetId, groupIds }) => {
    const rules = groupIds.flatMap((id) => groups.get(id)?.ingress ?? [])
    const ports = new Set(rules.filter((rule) => isOpenToHost(rule, lists, hostAddresses)).flatMap(portsOf))
    const passable = [...ports].filter((port) => isPassable(acls.get(subnetId), port, hostAddresses))
    return passable.map((port) => ({ publicIp, privateIp, port }))
  })
}

function isOpenToHost(
  { protocol, cidr, prefixListId }: FirewallRule,
  lists: ReadonlyMap<string, readonly string[]>,
  hostAddresses: readonly string[],
): boolean {
  if (protocol !== 'tcp' && protocol !== 'all') return false
  const cidrs = prefixListId === undefined ? [cidr ?? ''] : (lists.get(prefixListId) ?? [])
  const blocks = cidrs.filter(isIpv4Block).map((block) => ipaddr.IPv4.parseCIDR(block))
  return ['127.0.0.1', ...hostAddresses].some((address) =>
    blocks.some((block) => ipaddr.IPv4.parse(address).match(block)),
  )
}

function isIpv4Block(cidr: string): boolean {
  return cidr !== '' && !cidr.includes(':')
}

/** Whether a connection of the host's may cross the subnet's edge both ways: clients take their ports from the ephemeral ones. */
function isPassable(acl: SubnetAcl | undefined, port: number, hostAddresses: readonly string[]): boolean {
  if (acl === undefined) return true
  return ['127.0.0.1', ...hostAddresses].some(
    (address) =>
      isAllowed(acl.ingress, address, port) &&
      ephemeralPorts.every((clientPort) => isAllowed(acl.egress, address, clientPort)),
  )
}

function isAllowed(entries: readonly AclEntry[], address: string, port: number): boolean {
  const deciding = entries.find(
    ({ protocol, fromPort = 0, toPort = 65_535, cidr = '' }) =>
      (protocol === 'tcp' || protocol === 'all') &&
      port >= fromPort &&
      port <= toPort &&
      isIpv4Block(cidr) &&
      ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parseCIDR(cidr)),
  )
  return deciding?.isAllowed ?? false
}

function portsOf({ fromPort = 0, toPort = 65_535 }: FirewallRule): number[] {
  if (toPort - fromPort < maximumRange) {
    return Array.from({ length: toPort - fromPort + 1 }, (_, index) => fromPort + index).filter((port) => port > 0)
  }
  return commonPorts.filter((port) => port >= fromPort && port <= toPort)
}
