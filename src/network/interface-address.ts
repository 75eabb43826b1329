import type { InterfaceNetwork, VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { type Family, hasIpv6, ipv4 } from './family.ts'

/** What has private addresses: an interface, or an endpoint with the first one only. */
export type AddressOwner = Pick<InterfaceNetwork, 'privateIp' | 'secondaryAddresses' | 'ipv6Addresses'>

/** All private IPv4 addresses of an interface, the primary one first. Pure. */
export function privateAddressesOf({ privateIp, secondaryAddresses = [] }: AddressOwner): string[] {
  return [privateIp, ...secondaryAddresses.map((secondary) => secondary.privateIp)]
}

/** All IPv6 addresses of an interface. Pure. */
export function ipv6AddressesOf({ ipv6Addresses = [] }: AddressOwner): string[] {
  return ipv6Addresses.map(({ address }) => address)
}

/** All addresses of an interface of that family. Pure. */
export function addressesOf(owner: AddressOwner, family: Family): string[] {
  return family === ipv4 ? privateAddressesOf(owner) : ipv6AddressesOf(owner)
}

/** The interfaces whose guests have IPv6: those in subnets with a block. To the others no router tells of itself. Pure. */
export function dualStackInterfacesOf(vpc: VpcNetwork): readonly InterfaceNetwork[] {
  if (!hasIpv6(vpc)) return []
  const dual = new Set(vpc.subnets.flatMap(({ id, ipv6Cidr }) => (ipv6Cidr === undefined ? [] : [id])))
  return vpc.interfaces.filter(({ subnetId }) => dual.has(subnetId))
}
