/** Stands for the VPC's own resolver among the name servers of DHCP options. */
export const amazonProvidedDns = 'AmazonProvidedDNS'

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
