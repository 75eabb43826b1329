import type { VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { guestTcpPort } from './dns/serve-guests.ts'
import { hasIpv6 } from './family.ts'
import { resolverAddress } from '../ec2/ports/service-address.ts'
import { dnsAddress } from './resolver-address.ts'
import { dnsIpv6Address } from './service-address.ts'

/** The way of questions that come by TCP (dns/serve-guests.ts). Pure. */
export function dnsTables(vpc: VpcNetwork): string[] {
  if (!vpc.hasDns) return []
  return [
    '  chain dns_by_tcp {',
    '    type nat hook prerouting priority dstnat; policy accept;',
    `    iifname "eni*" ip daddr ${resolversOf(vpc)} tcp dport 53 dnat ip to ${dnsAddress}:${guestTcpPort}`,
    ...(hasIpv6(vpc)
      ? [`    iifname "eni*" ip6 daddr ${dnsIpv6Address} tcp dport 53 dnat ip6 to [${dnsIpv6Address}]:${guestTcpPort}`]
      : []),
    '  }',
  ]
}

/** Rules for the chain of what comes in. A VPC without DNS support has none, and its resolver is silent. Pure. */
export function dnsRules(vpc: VpcNetwork): string[] {
  if (!vpc.hasDns) return []
  const ours = `iifname "eni*" ip daddr ${resolversOf(vpc)}`
  const oursByIpv6 = `iifname "eni*" ip6 daddr ${dnsIpv6Address}`
  return [
    `    ${ours} udp dport 53 accept`,
    // Only what was led here: a guest that knows the port has no use for it.
    `    iifname "eni*" ip daddr ${dnsAddress} tcp dport ${guestTcpPort} ct status dnat accept`,
    ...(hasIpv6(vpc)
      ? [`    ${oursByIpv6} udp dport 53 accept`, `    ${oursByIpv6} tcp dport ${guestTcpPort} ct status dnat accept`]
      : []),
  ]
}

function resolversOf(vpc: VpcNetwork): string {
  return `{ ${dnsAddress}, ${resolverAddress(vpc.cidr)} }`
}
