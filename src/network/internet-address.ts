import type { VpcNetwork } from '../ec2/ports/network.ts'

/** A private address that has a public one and whose subnet has a way to an internet gateway. */
export interface InternetAddress {
  readonly tapName: string
  readonly subnetId: string
  readonly groupIds: readonly string[]
  readonly privateIp: string
  readonly publicIp: string
  /** The blocks that it can reach by the gateway. */
  readonly destinations: readonly string[]
}

/** The addresses of a VPC that reach the internet and are reached from there. Pure. */
export function internetAddressesOf(vpc: VpcNetwork): InternetAddress[] {
  const destinationsOf = new Map(vpc.subnets.map(({ id, internetDestinations }) => [id, internetDestinations]))
  return vpc.interfaces.flatMap(({ tapName, groupIds, subnetId, privateIp, publicIp, secondaryAddresses = [] }) => {
    const destinations = destinationsOf.get(subnetId) ?? []
    if (destinations.length === 0) return []
    return [{ privateIp, publicIp }, ...secondaryAddresses].flatMap((address) =>
      address.publicIp === undefined
        ? []
        : [{ tapName, subnetId, groupIds, destinations, privateIp: address.privateIp, publicIp: address.publicIp }],
    )
  })
}
