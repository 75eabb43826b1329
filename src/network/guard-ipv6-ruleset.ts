import type { InterfaceNetwork, VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { dhcpRelayPort } from './dhcp6/serve-guests.ts'
import { hostIpv6Address } from './host-device.ts'
import { dualStackInterfacesOf, ipv6AddressesOf } from './interface-address.ts'
import { set } from './rule-line.ts'
import { dnsIpv6Address, routerIpv6Address, serviceBlock } from './service-address.ts'

/** What the guard's table holds for IPv6. */
export interface GuardIpv6 {
  /** Sets and chains, for the first time. */
  readonly declarations: string[]
  readonly flushes: string[]
  /** Rules that come before those for all packets of guests. */
  readonly first: string[]
  /** What is put into them; `arriving6` is the chain for a packet of IPv6 from a guest. */
  readonly content: string[]
}

/** Of what the router says to all on a link, when it comes back (ipv6-ruleset.ts). What a guest sends has no mark yet. */
export const ownMulticastMark = '0x40000000'
const routerAsNumber = '0xfe800000000000000000000000000001'

/**
 * Messages of neighbour discovery. The kernel keeps what it hears of neighbours for all namespaces of the host in one table, and forgets
 * what goes beyond 512 after five seconds (ip-sysctl, neigh/default/gc_thresh2): one guest, which may have as many link-local addresses
 * as it likes, must not fill it.
 */
const neighbourPacketsPerSecond = 10

/**
 * The guard for IPv6: a packet has its interface's MAC and one of its addresses. Under a link-local address a guest looks for its router,
 * its neighbours and DHCP, and nothing else: everything else under one, and multicast, is an honest guest's vain effort, and is not
 * counted. `verdicts` are the words of the guard's table. Pure.
 */
export function guardIpv6(
  vpc: VpcNetwork,
  limits: {
    readonly dhcpPacketsPerSecond: number
    readonly dnsPacketsPerSecond: number
    readonly servicePacketsPerSecond: number
  },
  { forged, flood, limited }: { readonly forged: string; readonly flood: string; readonly limited: string },
): GuardIpv6 {
  const guests = dualStackInterfacesOf(vpc)
  const macOf = ({ tapName, mac }: InterfaceNetwork) => `"${tapName}" . ${mac}`
  const sets = [
    { name: 'guests6', type: 'ifname', elements: guests.map(({ tapName }) => `"${tapName}"`) },
    { name: 'macs6', type: 'ifname . ether_addr', elements: guests.map(macOf) },
    {
      name: 'own6',
      type: 'ifname . ether_addr . ipv6_addr',
      elements: guests.flatMap((guest) => ipv6AddressesOf(guest).map((address) => `${macOf(guest)} . ${address}`)),
    },
  ]
  const chains = ['neighbours6', 'link_local6', 'arriving6']
  const tooMany = (rate: string, perSecond: number, burst: number) =>
    `update @${rate} { iifname limit rate over ${perSecond}/second burst ${burst} packets } ${flood}`
  const { dhcpPacketsPerSecond, dnsPacketsPerSecond, servicePacketsPerSecond } = limits
  return {
    declarations: [
      ...sets.map(({ name, type }) => set(name, type, [])),
      `  set neighbour_rate { ${limited} }`,
      ...chains.map((chain) => `  chain ${chain} { }`),
    ],
    flushes: [
      ...chains.map((chain) => `flush chain inet guard ${chain}`),
      ...sets.map(({ name }) => `flush set inet guard ${name}`),
    ],
    first: [`    meta mark ${ownMulticastMark} drop`],
    content: [
      ...sets.map(({ name, type, elements }) => set(name, type, elements)),
      '  chain neighbours6 {',
      `    ${tooMany('neighbour_rate', neighbourPacketsPerSecond, 50)}`,
      // Who claims to be the router. Claims to be another guest come to nothing: the ways to addresses are routes, and each tap's neighbours
      // are its own (nft 1.0.6 cannot look the field up in a set).
      `    icmpv6 type nd-neighbor-advert @th,64,128 ${routerAsNumber} ${forged}`,
      // One that asks whether it may take an address has none yet (RFC 4862).
      '    ip6 saddr { ::, fe80::/10 } iifname . ether saddr @macs6 accept',
      '    iifname . ether saddr . ip6 saddr @own6 accept',
      `    ${forged}`,
      '  }',
      '  chain link_local6 {',
      `    iifname . ether saddr != @macs6 ${forged}`,
      // To the daemon, in the place of dnsmasq (docs/adr/ipv6-addresses-are-the-daemons-to-give.md).
      `    udp sport 546 udp dport 547 ip6 daddr set ${routerIpv6Address} udp dport set ${dhcpRelayPort} accept`,
      '    drop',
      '  }',
      '  chain arriving6 {',
      // A guest without IPv6 looks for a router all the same.
      '    iifname != @guests6 drop',
      `    ip6 saddr ${routerIpv6Address} ${forged}`,
      `    udp dport 546 ${forged}`,
      '    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } goto neighbours6',
      `    udp dport 547 ${tooMany('dhcp_rate', dhcpPacketsPerSecond, 50)}`,
      '    ip6 saddr fe80::/10 goto link_local6',
      '    ip6 daddr ff00::/8 drop',
      `    ip6 daddr ${dnsIpv6Address} th dport 53 ${tooMany('dns_rate', dnsPacketsPerSecond, dnsPacketsPerSecond)}`,
      // In routed mode the host is a neighbour and no service.
      ...(vpc.isRouted ? [`    ip6 daddr ${hostIpv6Address} iifname . ether saddr . ip6 saddr @own6 accept`] : []),
      `    ip6 daddr { ${serviceBlock}, fe80::/10 } ${tooMany('service_rate', servicePacketsPerSecond, servicePacketsPerSecond)}`,
      '    iifname . ether saddr . ip6 saddr @own6 accept',
      `    ip6 saddr != ${serviceBlock} fib daddr type != local iifname . ether saddr @routers accept`,
      `    ${forged}`,
      '  }',
    ],
  }
}
