import type { AclEntry, FirewallRule } from '../ports/firewall.ts'
import type { InterfaceNetwork, VpcNetwork } from '../ports/vpc-network.ts'
import { blockOfAddress, containsCidr, isIpv6Block } from '../cidr.ts'

/** A packet as rules look at it, of the family of its addresses. ICMP is a question or an answer of its family, and has no ports. */
export interface Packet {
  readonly protocol: 'tcp' | 'udp' | 'icmp'
  readonly source: string
  readonly destination: string
  readonly sourcePort: number
  readonly destinationPort: number
  readonly icmpType?: number
}

const protocolNumbers = { icmp: 1, icmpv6: 58, tcp: 6, udp: 17 } as const
/** Types of ICMP: echo requests and their answers. */
const echoTypes = { ipv4: { question: 8, answer: 0 }, ipv6: { question: 128, answer: 129 } } as const

/** All addresses of an interface in its VPC, the primary one first, then those of IPv4. Pure. */
export function addressesOfInterface(
  owner: Pick<InterfaceNetwork, 'privateIp' | 'secondaryAddresses' | 'ipv6Addresses'>,
): string[] {
  const { privateIp, secondaryAddresses = [], ipv6Addresses = [] } = owner
  return [
    privateIp,
    ...secondaryAddresses.map((secondary) => secondary.privateIp),
    ...ipv6Addresses.map(({ address }) => address),
  ]
}

/** An interface's first address of a family. Pure. */
export function firstAddressOf(
  { privateIp, ipv6Addresses = [] }: InterfaceNetwork,
  isIpv6: boolean,
): string | undefined {
  return isIpv6 ? ipv6Addresses[0]?.address : privateIp
}

export function isIpv6Packet({ destination }: Pick<Packet, 'destination'>): boolean {
  return isIpv6Block(destination)
}

/** What a question by ICMP is, by the family of where it goes. Pure. */
export function echoRequestTo(destination: string): Pick<Packet, 'icmpType'> {
  return { icmpType: echoTypes[isIpv6Block(destination) ? 'ipv6' : 'ipv4'].question }
}

/** The answer to a packet. Pure. */
export function answerTo(packet: Packet): Packet {
  const { source, destination, sourcePort, destinationPort } = packet
  return {
    ...packet,
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
    ...(packet.icmpType === undefined ? {} : { icmpType: echoTypes[isIpv6Packet(packet) ? 'ipv6' : 'ipv4'].answer }),
  }
}

/** Whether a rule is about a packet: `peer` is the end that it names, as src/network/rule-line.ts writes it. Pure. */
export function matchesRule(vpc: VpcNetwork, rule: FirewallRule | AclEntry, packet: Packet, peer: string): boolean {
  return matchesPeer(vpc, rule, peer) && matchesProtocol(rule, packet)
}

/** Whether a block has an address. Pure. */
export function hasAddress(cidr: string, address: string): boolean {
  return containsCidr(cidr, blockOfAddress(address))
}

/** Whose rule names a group means every address that one of its interfaces has. */
function matchesPeer(vpc: VpcNetwork, { cidr, prefixListId, groupId }: FirewallRule, peer: string): boolean {
  if (groupId !== undefined) {
    const ofPeers = vpc.peerings.flatMap(({ groups }) => groups).filter(({ id }) => id === groupId)
    if (ofPeers.length > 0) return ofPeers.some(({ addresses }) => addresses.includes(peer))
    // A group that is gone has no members.
    if (!vpc.groups.some(({ id }) => id === groupId)) return false
    const members = [...vpc.interfaces, ...(vpc.connectEndpoints ?? [])].filter((one) => one.groupIds.includes(groupId))
    return members.some((member) => addressesOfInterface(member).includes(peer))
  }
  if (prefixListId !== undefined) {
    const list = vpc.prefixLists.find(({ id }) => id === prefixListId)
    return list?.cidrs.some((block) => hasAddress(block, peer)) ?? false
  }
  return cidr !== undefined && hasAddress(cidr, peer)
}

function matchesProtocol(rule: FirewallRule, packet: Packet): boolean {
  const { protocol, fromPort, toPort, icmpType, icmpCode = 0 } = rule
  if (protocol === 'all') return true
  const name = packet.protocol === 'icmp' && isIpv6Packet(packet) ? 'icmpv6' : packet.protocol
  if (protocol !== name && protocol !== protocolNumbers[name]) return false
  if (packet.protocol === 'icmp') return icmpType === undefined || (icmpType === packet.icmpType && icmpCode === 0)
  if (fromPort === undefined || toPort === undefined) return true
  return fromPort <= packet.destinationPort && packet.destinationPort <= toPort
}
