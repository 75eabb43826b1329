import { guestEndpoint } from '../ec2/ports/service-address.ts'
import type { VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { dhcpRelayPort } from './dhcp6/serve-guests.ts'
import { ownMulticastMark } from './guard-ipv6-ruleset.ts'
import { type Family, hasIpv6, ipv4 } from './family.ts'
import { dualStackInterfacesOf } from './interface-address.ts'
import { set } from './rule-line.ts'
import { metadataIpv6Address, serviceBlock, timeIpv6Address } from './service-address.ts'
import { timePort } from './time/time-server.ts'

/** Destinations that no router forwards to: this host, the link, everybody, and the services of a VPC. Pure. */
export function neverForwarded(family: Family): readonly string[] {
  return family === ipv4
    ? ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '255.255.255.255']
    : ['::/127', '::ffff:0:0/96', serviceBlock, 'fe80::/10', 'ff00::/8']
}

/**
 * Rules for the chain of what comes in: what the router has with its guests by IPv6; none where the VPC carries none. The guard has seen
 * to it that under a link-local address nothing else comes. Pure.
 */
export function ipv6Input(vpc: VpcNetwork): string[] {
  if (!hasIpv6(vpc)) return []
  const service = `ip6 daddr ${metadataIpv6Address} tcp dport`
  return [
    '    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept',
    `    iifname "eni*" ip6 saddr fe80::/10 udp dport ${dhcpRelayPort} accept`,
    `    iifname "eni*" ${service} ${guestEndpoint.port} accept`,
    `    iifname "eni*" ip6 daddr ${timeIpv6Address} udp dport ${timePort} accept`,
    `    iifname @metadata_guests6 ${service} 80 accept`,
    // Who asks at both addresses goes on with the other one at once.
    `    iifname "eni*" ${service} 80 reject with tcp reset`,
  ]
}

/** Who asks the metadata service by IPv6, and the chain of what leaves. Pure. */
export function ipv6Chains(vpc: VpcNetwork): string[] {
  if (!hasIpv6(vpc)) return []
  const taps = dualStackInterfacesOf(vpc)
  const quoted = (interfaces: typeof taps) => interfaces.map(({ tapName }) => `"${tapName}"`)
  return [
    set('metadata_guests6', 'ifname', quoted(taps.filter(({ metadata }) => metadata.hasIpv6Endpoint === true))),
    set('guests6', 'ifname', quoted(taps)),
    '  chain leaving6 {',
    '    type filter hook postrouting priority raw; policy accept;',
    // dnsmasq tells of the router wherever it sees a tap.
    '    oifname "eni*" oifname != @guests6 icmpv6 type nd-router-advert drop',
    // The kernel hands what is for all on a link to itself, too, as if the guest had said it.
    `    oifname "eni*" ip6 daddr ff02::/16 meta mark set ${ownMulticastMark}`,
    // Guests have no neighbour but the router.
    '    oifname "eni*" icmpv6 type nd-redirect drop',
    // The guard has led what clients of DHCP say to this port.
    `    oifname "eni*" ip6 saddr fe80::/10 udp sport ${dhcpRelayPort} udp sport set 547`,
    '  }',
  ]
}
