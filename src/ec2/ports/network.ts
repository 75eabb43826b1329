import type { Socket as DatagramSocket } from 'node:dgram'
import type { Socket } from 'node:net'
import type { Impairments } from './impairment.ts'

/**
 * What the domain asks of the network. A VPC is told whole, as it shall be, and `converge` makes it so. Implemented by
 * src/network/ with namespaces, routed taps, nftables, dnsmasq and pasta.
 */

/** Where guests reach the EC2 API, in every VPC: the host's own loopback is not theirs. */
export const guestEndpoint = { address: '169.254.169.254', port: 8773 } as const

/**
 * Where a VPC's own services answer its guests, by IPv4 and by IPv6, as on EC2 ("Use the Instance Metadata Service", "Amazon DNS server",
 * "Amazon Time Sync Service"). The metadata service and the EC2 API share theirs.
 */
export const serviceAddresses = {
  metadata: [guestEndpoint.address, 'fd00:ec2::254'],
  dns: ['169.254.169.253', 'fd00:ec2::253'],
  time: ['169.254.169.123', 'fd00:ec2::123'],
} as const

/** What one packet within a VPC may have, in bytes from its IP header on (Amazon EC2 User Guide, "Network MTU"). */
export const vpcMtu = 9001

/** One permission of a security group. Ports are inclusive; both absent means all. */
export interface FirewallRule {
  /** `sgr-…`, of a group's rule. */
  readonly id?: string
  /** `all`, `tcp`, `udp`, `icmp`, `icmpv6`, or an IP protocol number. */
  readonly protocol: 'all' | 'tcp' | 'udp' | 'icmp' | 'icmpv6' | number
  readonly fromPort?: number
  readonly toPort?: number
  readonly icmpType?: number
  readonly icmpCode?: number
  /** The peer: an IPv4 or IPv6 CIDR, the id of a prefix list, or that of a security group (any interface that has it). One is set. */
  readonly cidr?: string
  readonly prefixListId?: string
  readonly groupId?: string
}

/** Blocks of addresses that rules name together. */
export interface FirewallPrefixList {
  readonly id: string
  /** IPv4 or IPv6. */
  readonly cidrs: readonly string[]
}

export interface FirewallGroup {
  readonly id: string
  readonly ingress: readonly FirewallRule[]
  readonly egress: readonly FirewallRule[]
}

/** An entry of a network ACL: its peer is a CIDR. */
export interface AclEntry extends FirewallRule {
  readonly isAllowed: boolean
  readonly ruleNumber?: number
}

/** What may cross a subnet's edge, by packet: entries in the order of their numbers, the first that matches decides. */
export interface SubnetAcl {
  /** `acl-…` */
  readonly id?: string
  readonly ingress: readonly AclEntry[]
  readonly egress: readonly AclEntry[]
}

/** Where a route leads. What it leads to may be gone, or lead nowhere: then it is a blackhole. */
export type RouteTarget =
  | { readonly kind: 'internet' }
  /** To the internet by an egress-only gateway, for IPv6: nobody out there opens a connection by it. */
  | { readonly kind: 'egress-only' }
  | { readonly kind: 'nat'; readonly natGatewayId: string }
  /** A guest that carries for others: one of the VPC's `interfaces`, by its `id`. */
  | { readonly kind: 'interface'; readonly interfaceId: string }
  | { readonly kind: 'peering'; readonly peeringConnectionId: string }
  | { readonly kind: 'blackhole' }

/** A route of a subnet's table besides the local ones. Of several that hold for an address the most specific one counts. */
export interface RouteNetwork {
  /** An IPv4 or IPv6 block in its canonical form. */
  readonly destination: string
  readonly target: RouteTarget
}

export interface SubnetNetwork {
  readonly id: string
  readonly cidr: string
  /** Its block of IPv6 addresses; absent: its guests have none. */
  readonly ipv6Cidr?: string
  /** Those of the route table that holds for it. What none of them leads on, and is not local to the VPC, has no way. */
  readonly routes: readonly RouteNetwork[]
  /** The route table that its routes are of. */
  readonly routeTableId?: string
  /** Absent: everything may cross its edge. */
  readonly acl?: SubnetAcl
}

/** A further private address of an interface, with the names that resolve to it. */
export interface SecondaryAddressNetwork {
  readonly privateIp: string
  readonly dnsNames: readonly string[]
  readonly publicIp?: string
}

/** Stands for the VPC's own resolver among the name servers of DHCP options. */
export const amazonProvidedDns = 'AmazonProvidedDNS'

/** base + 2 of the VPC's CIDR ("Amazon DNS server"). */
export function resolverAddress(cidr: string): string {
  const [address = '0.0.0.0'] = cidr.split('/')
  const octets = address.split('.').map(Number)
  octets[3] = (octets[3] ?? 0) + 2
  return octets.join('.')
}

/** What the guests of a VPC are told by DHCP besides their addresses. */
export interface DhcpNetwork {
  /** Several are separated by spaces. */
  readonly domainName?: string
  /** Addresses, or `amazonProvidedDns`. */
  readonly nameServers: readonly string[]
  readonly ntpServers: readonly string[]
  readonly netbiosNameServers?: readonly string[]
  readonly netbiosNodeType?: number
  /** For how long a guest may use an IPv6 address for new connections without asking again, in seconds. */
  readonly ipv6PreferredLeaseSeconds?: number
}

/** Types of records that private zones have. */
export const dnsRecordTypes = ['A', 'AAAA', 'CNAME', 'TXT', 'SRV'] as const
export type DnsRecordType = (typeof dnsRecordTypes)[number]

/** All records of a name and type. Names are in lower case, without the dot at their end. */
export interface DnsRecordSet {
  /** Fully qualified; its first label may be `*`. */
  readonly name: string
  readonly type: DnsRecordType | 'PTR'
  /** In seconds. */
  readonly ttl: number
  /** Addresses; a name; texts; `priority weight port target`. None: the name is there without an answer. */
  readonly values: readonly string[]
}

/** A private zone: the VPCs that have it ask nobody else for names in it. */
export interface DnsZone {
  readonly name: string
  readonly records: readonly DnsRecordSet[]
}

/** Names of a VPC besides those of its interfaces with taps. */
export interface VpcNames {
  /** Private addresses without a tap, of stopped instances, with their names. */
  readonly hosts: readonly { readonly privateIp: string; readonly names: readonly string[] }[]
  /** The same of IPv6 addresses; absent: none. */
  readonly ipv6Hosts?: readonly Ipv6HostNetwork[]
  readonly zones: readonly DnsZone[]
}

/** An IPv6 address with the names that resolve to it, the one that a reverse look-up tells first; none: it tells nothing. */
export interface Ipv6HostNetwork {
  readonly address: string
  readonly names: readonly string[]
}

/** A network interface of a running (or starting) instance. */
export interface InterfaceNetwork {
  /** `eni-…`. */
  readonly id: string
  readonly tapName: string
  /** Lower case. */
  readonly mac: string
  readonly subnetId: string
  readonly privateIp: string
  /** Fully qualified names that resolve to `privateIp` in the VPC, the host name first (`ip-172-31-0-5.ec2.internal`). */
  readonly dnsNames: readonly string[]
  readonly groupIds: readonly string[]
  readonly hasSourceDestCheck: boolean
  /** Whether its packets are counted by flow, for flow logs. */
  readonly isCounted?: boolean
  /** Loopback address on the host that stands for its public IPv4 address. */
  readonly publicIp?: string
  readonly secondaryAddresses?: readonly SecondaryAddressNetwork[]
  /** Its IPv6 addresses in their canonical form (RFC 5952), with their names; absent: none. */
  readonly ipv6Addresses?: readonly Ipv6HostNetwork[]
  readonly metadata: {
    /** IP time-to-live of the token answer, 1 to 64. */
    readonly hopLimit: number
    /** Whether the service answers at its IPv6 address, too. */
    readonly hasIpv6Endpoint?: boolean
  }
}

/** A NAT gateway's device in the VPC's namespace: at most 15 characters (IFNAMSIZ), told apart by the id's last 12. Pure. */
export function natDeviceOf(natGatewayId: string): string {
  return `nat${natGatewayId.slice(-12)}`
}

/** A gateway that carries the guests of other subnets under its own private address. */
export interface NatGatewayNetwork {
  /** `nat-…`. */
  readonly id: string
  readonly subnetId: string
  readonly privateIp: string
  /** Without a public address, a private gateway's, it has no way to the internet. */
  readonly isPublic: boolean
  /** Whether the packets of its interface are counted by flow, for flow logs. */
  readonly isCounted?: boolean
}

/** Addresses of the VPC's router that connections through an EC2 Instance Connect Endpoint come from, under these groups. */
export interface ConnectEndpointNetwork {
  readonly id: string
  readonly privateIp: string
  /** Of a dual-stack one; absent: none. */
  readonly ipv6Addresses?: readonly Ipv6HostNetwork[]
  readonly groupIds: readonly string[]
}

/** An active peering connection, as seen from one of its VPCs. Its wire is there while both have a namespace and a route leads over it. */
export interface PeeringNetwork {
  /** `pcx-…`. */
  readonly id: string
  readonly peerVpcId: string
  /** Whether the other VPC is in another region. */
  readonly isInterRegion: boolean
  /** All blocks of the other VPC, IPv4 and IPv6. */
  readonly cidrs: readonly string[]
  /** The other VPC's groups that rules of this one name, with the addresses of their members, IPv4 and IPv6. */
  readonly groups: readonly { readonly id: string; readonly addresses: readonly string[] }[]
}

/**
 * A network device of a running (or starting) instance that is a port of a bridge of the host. Nothing of the VPC concerns it: no group, no
 * route, no address, no lease.
 */
export interface BridgedDeviceNetwork {
  readonly tapName: string
  /** The bridge of the host. */
  readonly bridge: string
  /** Lower case. */
  readonly mac: string
}

/** A VPC as it shall be. Only interfaces that need a tap are listed. */
export interface VpcNetwork {
  readonly id: string
  readonly cidr: string
  /** Blocks that were added to the first one. */
  readonly secondaryCidrs: readonly string[]
  /** Its blocks of IPv6 addresses; absent: none. */
  readonly ipv6Cidrs?: readonly string[]
  /** Domain of the private names: `ec2.internal` or `REGION.compute.internal`. */
  readonly domain: string
  /** Whether the VPC's resolver answers its guests. */
  readonly hasDns: boolean
  readonly dhcp: DhcpNetwork
  /** Absent: none. */
  readonly names?: VpcNames
  /** The gateway that is attached to it. */
  readonly internetGatewayId?: string
  /** The same of an egress-only gateway, for IPv6. */
  readonly egressOnlyGatewayId?: string
  readonly subnets: readonly SubnetNetwork[]
  readonly groups: readonly FirewallGroup[]
  /** Those that the rules of its groups name. */
  readonly prefixLists: readonly FirewallPrefixList[]
  readonly interfaces: readonly InterfaceNetwork[]
  /** Absent: none. */
  readonly bridgedDevices?: readonly BridgedDeviceNetwork[]
  readonly natGateways: readonly NatGatewayNetwork[]
  readonly connectEndpoints?: readonly ConnectEndpointNetwork[]
  readonly peerings: readonly PeeringNetwork[]
  /** Whether the host has a wire into it (host-routes.ts). */
  readonly isRouted?: boolean
  /** What faults do to its packets; absent: nothing. */
  readonly impairments?: Impairments
}

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
