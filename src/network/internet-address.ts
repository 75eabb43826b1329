import type { RouteNetwork } from '../ec2/ports/route.ts'
import { natDeviceOf, type VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { type Family, familyOf, ipv4 } from './family.ts'
import { dualStackInterfacesOf, ipv6AddressesOf } from './interface-address.ts'
import { usedNatGateways } from './routing-table.ts'

/** A private address that has a public one and whose subnet has a way to an internet gateway. */
export interface InternetAddress {
  readonly tapName: string
  readonly subnetId: string
  readonly groupIds: readonly string[]
  readonly privateIp: string
  readonly publicIp: string
}

/** The addresses of a VPC that reach the internet and are reached from there. Pure. */
export function internetAddressesOf(vpc: VpcNetwork): InternetAddress[] {
  const publicSubnets = publicSubnetsOf(vpc, ipv4)
  return vpc.interfaces.flatMap(({ tapName, groupIds, subnetId, privateIp, publicIp, secondaryAddresses = [] }) => {
    if (!publicSubnets.has(subnetId)) return []
    return [{ privateIp, publicIp }, ...secondaryAddresses].flatMap((address) =>
      address.publicIp === undefined
        ? []
        : [{ tapName, subnetId, groupIds, privateIp: address.privateIp, publicIp: address.publicIp }],
    )
  })
}

/** A device of the namespace and an address that may use an internet gateway from there. */
export interface InternetSender {
  readonly device: string
  readonly address: string
}

/**
 * Of IPv4: guests' public addresses and public NAT gateways, where the subnet has a way to an internet gateway. Of IPv6: all addresses of
 * guests in subnets with a way out. Pure.
 */
export function internetSendersOf(vpc: VpcNetwork, family: Family): InternetSender[] {
  const publicSubnets = publicSubnetsOf(vpc, family)
  if (family !== ipv4) {
    return dualStackInterfacesOf(vpc)
      .filter(({ subnetId }) => publicSubnets.has(subnetId))
      .flatMap((owner) => ipv6AddressesOf(owner).map((address) => ({ device: owner.tapName, address })))
  }
  return [
    ...internetAddressesOf(vpc).map(({ tapName, privateIp }) => ({ device: tapName, address: privateIp })),
    ...usedNatGateways(vpc)
      .filter(({ isPublic, subnetId }) => isPublic && publicSubnets.has(subnetId))
      .map(({ id, privateIp }) => ({ device: natDeviceOf(id), address: privateIp })),
  ]
}

/** The ids of the subnets that have a route to the internet for addresses of that family. Pure. */
export function publicSubnetsOf({ subnets }: VpcNetwork, family: Family): ReadonlySet<string> {
  return new Set(subnets.filter(({ routes }) => routes.some((route) => leadsOut(route, family))).map(({ id }) => id))
}

function leadsOut({ destination, target }: RouteNetwork, family: Family): boolean {
  if (familyOf(destination) !== family) return false
  return target.kind === 'internet' || (target.kind === 'egress-only' && family !== ipv4)
}
