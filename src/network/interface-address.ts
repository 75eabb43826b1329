import type { InterfaceNetwork } from '../ec2/ports/network.ts'

/** All private addresses of an interface, the primary one first. Pure. */
export function privateAddressesOf({ privateIp, secondaryAddresses = [] }: InterfaceNetwork): string[] {
  return [privateIp, ...secondaryAddresses.map((secondary) => secondary.privateIp)]
}
