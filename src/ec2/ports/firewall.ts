/** What security groups and network ACLs let pass, as the network is told it. */

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
