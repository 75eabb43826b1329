import type { DhcpNetwork } from './dhcp.ts'
import type { FirewallGroup, FirewallPrefixList, SubnetAcl } from './firewall.ts'
import type { Impairments } from './impairment.ts'
import type { RouteNetwork } from './route.ts'
import type { Ipv6HostNetwork, VpcNames } from './vpc-names.ts'

/** What one packet within a VPC may have, in bytes from its IP header on (Amazon EC2 User Guide, "Network MTU"). */
export const vpcMtu = 9001

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
  /** Taps of machines that wait for an interface; nothing passes them. Absent: none. */
  readonly spareTaps?: readonly string[]
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
