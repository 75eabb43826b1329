import type { VpcNetwork } from '../ec2/ports/vpc-network.ts'

/** A version of IP in the words of nftables. What is told of both is written once for each. */
export interface Family {
  /** How a rule names its header. */
  readonly ip: 'ip' | 'ip6'
  readonly protocol: 'ipv4' | 'ipv6'
  /** The type of its addresses in sets. */
  readonly address: 'ipv4_addr' | 'ipv6_addr'
  /** What the name of a set ends with. */
  readonly suffix: '' | '6'
  /** The block of all its addresses. */
  readonly anywhere: '0.0.0.0/0' | '::/0'
  /** What tells a sender that nobody has the address. */
  readonly unreachableHost: string
}

export const ipv4: Family = {
  ...{ ip: 'ip', protocol: 'ipv4', address: 'ipv4_addr', suffix: '', anywhere: '0.0.0.0/0' },
  unreachableHost: 'icmp type host-unreachable',
}
export const ipv6: Family = {
  ...{ ip: 'ip6', protocol: 'ipv6', address: 'ipv6_addr', suffix: '6', anywhere: '::/0' },
  unreachableHost: 'icmpv6 type addr-unreachable',
}

/** Of an address or a block. */
export function familyOf(address: string): Family {
  return address.includes(':') ? ipv6 : ipv4
}

/** Those among addresses or blocks that are of a family. */
export function ofFamily(family: Family, addresses: readonly string[]): string[] {
  return addresses.filter((address) => familyOf(address) === family)
}

/** Those that a VPC carries. */
export function familiesOf(vpc: VpcNetwork): readonly Family[] {
  return hasIpv6(vpc) ? [ipv4, ipv6] : [ipv4]
}

/** Whether the VPC has a block of IPv6 addresses: without one its namespace carries none. */
export function hasIpv6({ ipv6Cidrs = [] }: VpcNetwork): boolean {
  return ipv6Cidrs.length > 0
}

/** A VPC's blocks of that family. */
export function blocksOf(vpc: VpcNetwork, family: Family): readonly string[] {
  return family === ipv4 ? [vpc.cidr, ...vpc.secondaryCidrs] : (vpc.ipv6Cidrs ?? [])
}
