import type { Socket } from 'node:net'

/**
 * What the domain asks of the network. A VPC is told whole, as it shall be, and `converge` makes it so. Implemented by
 * src/network/ with namespaces, routed taps, nftables, dnsmasq and pasta.
 */

/** Where guests reach the EC2 API, in every VPC: the host's own loopback is not theirs. */
export const guestEndpoint = { address: '169.254.169.254', port: 8773 } as const

/** One permission of a security group. Ports are inclusive; both absent means all. */
export interface FirewallRule {
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
}

/** What may cross a subnet's edge, by packet: entries in the order of their numbers, the first that matches decides. */
export interface SubnetAcl {
  readonly ingress: readonly AclEntry[]
  readonly egress: readonly AclEntry[]
}

export interface SubnetNetwork {
  readonly id: string
  readonly cidr: string
  /** The blocks that its route table leads to an internet gateway: mostly none, or 0.0.0.0/0. */
  readonly internetDestinations: readonly string[]
  /** Absent: everything may cross its edge. */
  readonly acl?: SubnetAcl
}

/** A further private address of an interface, with the name that resolves to it. */
export interface SecondaryAddressNetwork {
  readonly privateIp: string
  readonly dnsName: string
  readonly publicIp?: string
}

/** Stands for the VPC's own resolver among the name servers of DHCP options. */
export const amazonProvidedDns = 'AmazonProvidedDNS'

/** What the guests of a VPC are told by DHCP besides their addresses. */
export interface DhcpNetwork {
  /** Several are separated by spaces. */
  readonly domainName?: string
  /** Addresses, or `amazonProvidedDns`. */
  readonly nameServers: readonly string[]
  readonly ntpServers: readonly string[]
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
  /** Fully qualified private names that resolve to `privateIp`, the host name first (`ip-172-31-0-5.ec2.internal`). */
  readonly dnsNames: readonly string[]
  readonly groupIds: readonly string[]
  readonly hasSourceDestCheck: boolean
  /** Loopback address on the host that stands for its public IPv4 address. */
  readonly publicIp?: string
  readonly secondaryAddresses?: readonly SecondaryAddressNetwork[]
  readonly metadata: {
    /** IP time-to-live of the token answer, 1 to 64. */
    readonly hopLimit: number
  }
}

/** A VPC as it shall be. Only interfaces that need a tap are listed. */
export interface VpcNetwork {
  readonly id: string
  readonly cidr: string
  /** Blocks that were added to the first one. */
  readonly secondaryCidrs: readonly string[]
  /** Domain of the private names: `ec2.internal` or `REGION.compute.internal`. */
  readonly domain: string
  /** Whether the VPC's resolver answers its guests. */
  readonly hasDns: boolean
  readonly dhcp: DhcpNetwork
  readonly subnets: readonly SubnetNetwork[]
  readonly groups: readonly FirewallGroup[]
  /** Those that the rules of its groups name. */
  readonly prefixLists: readonly FirewallPrefixList[]
  readonly interfaces: readonly InterfaceNetwork[]
}

/** A port of a public address. */
export interface PublicPort {
  readonly publicIp: string
  /** The port on the instance. */
  readonly port: number
  /** The port on the host: the same, or port + 10000 where it is taken or too low for this user; undefined when neither was had. */
  readonly hostPort: number | undefined
  /** Why it is not the port itself. It is tried again until it can be had. */
  readonly problem?: string
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
  publicPorts(): readonly PublicPort[]
  /** What users should know: no egress because the host has no route, ports that are taken, … */
  warnings(): readonly string[]
  /** Closes listeners and helpers of this daemon; namespaces with machines, and the machines, stay. */
  close(): Promise<void>
}
