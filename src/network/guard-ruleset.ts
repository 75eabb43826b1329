import type { InterfaceNetwork, VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { hasIpv6 } from './family.ts'
import { guardIpv6 } from './guard-ipv6-ruleset.ts'
import { hostAddress } from './host-device.ts'
import { privateAddressesOf } from './interface-address.ts'
import { resolverAddress } from '../ec2/ports/service-address.ts'
import { dnsAddress } from './resolver-address.ts'
import { set } from './rule-line.ts'

/** A client asks a few times when it boots and twice an hour then; of IPv6 each minute, by EC2's lease time. */
const dhcpPacketsPerSecond = 10
/** EC2 drops what a network interface asks beyond that ("Amazon VPC quotas", "Route 53 Resolver"). */
const dnsPacketsPerSecond = 1024
/** Under addresses that may be any: the kernel forgets what it heard of more than 512 neighbours after five seconds (arp(7), gc_thresh2). */
const arpPacketsPerSecond = 20
/**
 * Connections that one interface may have open or half open, as tracked by the kernel: its table has room for 65,536 on small hosts, and one
 * guest must not fill it for the others.
 */
const connections = 16_384

/** One element an interface that ever sent what was dropped. */
const interfaces = 65_535

const counted = `type ifname; size ${interfaces}; flags dynamic; counter;`
const limited = `type ifname; size ${interfaces}; flags dynamic;`

const forged = 'update @forged { iifname counter } drop'
const flood = 'update @flood { iifname counter } drop'

/** Sets whose elements are counters by tap, and what they count. */
export const guardCounters = { forged: 'forged', flood: 'flood' } as const

/**
 * What a guest may send at all, whatever groups and routes say, in tables that stay: a change of the VPC puts other elements into their sets,
 * in one transaction, and what they have counted and limited goes on. It is looked at before the kernel tracks a connection, so that what
 * is forged takes no room in its table.
 *
 * - A packet has its interface's MAC and one of its addresses; an interface without source/destination check may send others on, but
 *   nothing under them to the services of its router. No guest is a DHCP server, or a router of IPv6.
 * - IPv6 is for guests in subnets that have a block of it (guard-ipv6-ruleset.ts).
 * - ARP likewise: the kernel keeps what it hears for all namespaces of the host in one table, which a guest could fill.
 *
 * `servicePacketsPerSecond`: to metadata, DNS, the time service and the EC2 API together.
 *
 * nftables 1.0.6 has no way to empty a set and keep its table but this. Pure.
 */
export function guardRuleset(vpc: VpcNetwork, servicePacketsPerSecond: number): string {
  const { interfaces: all } = vpc
  const resolver = resolverAddress(vpc.cidr)
  const limits = { dhcpPacketsPerSecond, dnsPacketsPerSecond, servicePacketsPerSecond }
  const guard6 = hasIpv6(vpc) ? guardIpv6(vpc, limits, { forged, flood, limited }) : undefined
  const macOf = ({ tapName, mac }: InterfaceNetwork) => `"${tapName}" . ${mac}`
  const routers = all.filter(({ hasSourceDestCheck }) => !hasSourceDestCheck).map(macOf)
  const own = all.flatMap(ownAddresses)
  const macs = all.map(macOf)
  return [
    'table inet guard {',
    '  set own { type ifname . ether_addr . ipv4_addr; }',
    '  set macs { type ifname . ether_addr; }',
    '  set routers { type ifname . ether_addr; }',
    `  set forged { ${counted} }`,
    `  set flood { ${counted} }`,
    `  set dhcp_rate { ${limited} }`,
    `  set dns_rate { ${limited} }`,
    `  set service_rate { ${limited} }`,
    `  set connections { ${limited} }`,
    ...(guard6?.declarations ?? []),
    '  chain arriving { type filter hook prerouting priority raw; policy accept; }',
    '  chain tracked { type filter hook prerouting priority mangle; policy accept; }',
    '}',
    'table arp guard {',
    '  set own { type ifname . ether_addr . ipv4_addr; }',
    '  set macs { type ifname . ether_addr; }',
    '  set routers { type ifname . ether_addr; }',
    `  set forged { ${counted} }`,
    `  set flood { ${counted} }`,
    `  set arp_rate { ${limited} }`,
    '  chain arriving { type filter hook input priority filter; policy accept; }',
    '}',
    ...['arriving', 'tracked'].map((chain) => `flush chain inet guard ${chain}`),
    'flush chain arp guard arriving',
    ...['own', 'macs', 'routers'].map((name) => `flush set inet guard ${name}`),
    ...(guard6?.flushes ?? []),
    ...['own', 'macs', 'routers'].map((name) => `flush set arp guard ${name}`),
    'table inet guard {',
    set('own', 'ifname . ether_addr . ipv4_addr', own),
    set('macs', 'ifname . ether_addr', macs),
    set('routers', 'ifname . ether_addr', routers),
    ...(guard6?.content ?? []),
    '  chain arriving {',
    '    iifname != "eni*" accept',
    // Most packets, past all that is asked of others.
    `    meta l4proto tcp ip daddr != { 169.254.0.0/16, 224.0.0.0/4, ${resolver} } iifname . ether saddr . ip saddr @own accept`,
    ...(guard6?.first ?? []),
    // A guest looks for routers and neighbours of IPv6 by itself when it boots: that is no attack, and is not counted.
    `    icmpv6 type { nd-router-advert, nd-redirect } ${forged}`,
    `    meta nfproto ipv6 ${guard6 ? 'goto arriving6' : 'drop'}`,
    // A VPC carries no multicast; guests tell of their groups by themselves, before they have an address (RFC 3376).
    '    ip daddr 224.0.0.0/4 drop',
    `    udp sport 67 udp dport 68 ${forged}`,
    `    udp dport 67 update @dhcp_rate { iifname limit rate over ${dhcpPacketsPerSecond}/second burst 50 packets } ${flood}`,
    `    ip daddr { ${dnsAddress}, ${resolver} } th dport 53 update @dns_rate { iifname limit rate over ${dnsPacketsPerSecond}/second burst ${dnsPacketsPerSecond} packets } ${flood}`,
    // In routed mode the host is a neighbour and no service.
    ...(vpc.isRouted ? [`    ip daddr ${hostAddress} iifname . ether saddr . ip saddr @own accept`] : []),
    `    ip daddr { 169.254.0.0/16, ${resolver} } update @service_rate { iifname limit rate over ${servicePacketsPerSecond}/second burst ${servicePacketsPerSecond} packets } ${flood}`,
    '    iifname . ether saddr . ip saddr @own accept',
    '    ip saddr 0.0.0.0 udp dport 67 iifname . ether saddr @macs accept',
    '    fib daddr type != local iifname . ether saddr @routers accept',
    `    ${forged}`,
    '  }',
    '  chain tracked {',
    `    iifname "eni*" ct state new add @connections { iifname ct count over ${connections} } ${flood}`,
    '  }',
    '}',
    'table arp guard {',
    set('own', 'ifname . ether_addr . ipv4_addr', own),
    set('macs', 'ifname . ether_addr', macs),
    set('routers', 'ifname . ether_addr', routers),
    '  chain arriving {',
    '    iifname != "eni*" accept',
    '    iifname . arp saddr ether . arp saddr ip @own accept',
    // A client asks so whether anybody has an address before it takes it (RFC 5227).
    '    arp saddr ip 0.0.0.0 iifname . arp saddr ether @macs accept',
    // Linux asks under the source address of the packet that waits, which may be any that such a guest has.
    `    iifname . arp saddr ether @routers update @arp_rate { iifname limit rate over ${arpPacketsPerSecond}/second burst 50 packets } ${flood}`,
    '    iifname . arp saddr ether @routers accept',
    `    ${forged}`,
    '  }',
    '}',
    '',
  ].join('\n')
}

function ownAddresses(networkInterface: InterfaceNetwork): string[] {
  const { tapName, mac } = networkInterface
  return privateAddressesOf(networkInterface).map((address) => `"${tapName}" . ${mac} . ${address}`)
}
