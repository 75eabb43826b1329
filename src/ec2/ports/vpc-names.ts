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
