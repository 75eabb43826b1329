import { amazonProvidedDns, type DhcpNetwork } from '../../ec2/ports/dhcp.ts'
import type { VpcNetwork } from '../../ec2/ports/vpc-network.ts'
import { familyOf, ipv6 } from '../family.ts'
import { dualStackInterfacesOf, ipv6AddressesOf } from '../interface-address.ts'
import { dnsIpv6Address } from '../service-address.ts'
import { answerDhcp6, type Dhcp6Lease } from './answer.ts'

/** Where the guard leads what clients of DHCPv6 say: dnsmasq has the port of the servers (547). */
export const dhcpRelayPort = 5470

/** EC2's default of Ipv6AddressPreferredLeaseTime ("DHCP option sets"). */
const defaultPreferredSeconds = 140

/** Gives the guests of a VPC their IPv6 addresses. */
export interface GuestDhcp6 {
  /** From the next message on. */
  update(vpc: VpcNetwork): void
  /** The answer to a message that came from a tap; undefined where nothing is said. */
  readonly answer: (tapName: string, message: Buffer) => Buffer | undefined
}

export function createGuestDhcp6(): GuestDhcp6 {
  let leases: ReadonlyMap<string, Dhcp6Lease> = new Map()
  return {
    update: (vpc) => {
      leases = leasesOf(vpc)
    },
    answer: (tapName, message) => {
      const lease = leases.get(tapName)
      return lease && answerDhcp6(message, lease)
    },
  }
}

/** What each guest has, by tap: none of those in subnets without a block. Pure. */
export function leasesOf(vpc: VpcNetwork): ReadonlyMap<string, Dhcp6Lease> {
  const settings = settingsOf(vpc.dhcp)
  return new Map(
    dualStackInterfacesOf(vpc).map((guest) => [guest.tapName, { addresses: ipv6AddressesOf(guest), ...settings }]),
  )
}

function settingsOf(dhcp: DhcpNetwork): Omit<Dhcp6Lease, 'addresses'> {
  return {
    preferredSeconds: dhcp.ipv6PreferredLeaseSeconds ?? defaultPreferredSeconds,
    nameServers: ipv6NameServersOf(dhcp),
    searchDomains: searchDomainsOf(dhcp),
    ntpServers: dhcp.ntpServers.filter((server) => familyOf(server) === ipv6),
  }
}

/** The name servers that guests reach by IPv6. Pure. */
export function ipv6NameServersOf({ nameServers }: DhcpNetwork): string[] {
  return nameServers
    .map((server) => (server === amazonProvidedDns ? dnsIpv6Address : server))
    .filter((server) => familyOf(server) === ipv6)
}

/** Several are separated by spaces. Pure. */
export function searchDomainsOf({ domainName = '' }: DhcpNetwork): string[] {
  return domainName.split(' ').filter((domain) => domain !== '')
}
