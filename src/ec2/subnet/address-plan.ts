import ipaddr from 'ipaddr.js'
import { Ec2Error } from '../errors.ts'
import type { Store } from '../ports/store.ts'
import type { SubnetRecord } from './subnet.ts'

/** EC2 keeps the first four addresses and the last of each subnet ("Subnet sizing for IPv4"). */
const reservedAtStart = 4

/** Number of addresses that instances may have in a subnet of that CIDR. */
export function usableAddressCount(cidr: string): number {
  const [, prefixLength] = ipaddr.IPv4.parseCIDR(cidr)
  return 2 ** (32 - prefixLength) - reservedAtStart - 1
}

/** The lowest free addresses of a subnet, as many as there are up to `maximum`. Throws InsufficientFreeAddressesInSubnet. */
export function takeAddresses(
  store: Store,
  subnet: SubnetRecord,
  { minimum, maximum }: { minimum: number; maximum: number },
): string[] {
  const taken = new Set(store.interfaces.listBy('subnetId', subnet.id).map(({ privateIp }) => privateIp))
  const base = baseOf(subnet.cidr)
  const found: string[] = []
  for (let offset = reservedAtStart; offset < usableAddressCount(subnet.cidr) + reservedAtStart; offset++) {
    if (found.length === maximum) break
    const address = addressOf(base + offset)
    if (!taken.has(address)) found.push(address)
  }
  if (found.length < minimum) {
    throw new Ec2Error(
      'InsufficientFreeAddressesInSubnet',
      `The specified subnet does not have enough free addresses to satisfy the request: ${found.length} of ${minimum} are left in ${subnet.id}.`,
    )
  }
  return found
}

/** Checks an address that the client chose. Throws InvalidParameterValue, InvalidIPAddress.InUse. */
export function requireFreeAddress(store: Store, subnet: SubnetRecord, address: string): void {
  const isValid = ipaddr.IPv4.isValidFourPartDecimal(address)
  const offset = isValid ? numberOf(address) - baseOf(subnet.cidr) : -1
  if (offset < reservedAtStart || offset >= usableAddressCount(subnet.cidr) + reservedAtStart) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `Address ${address.slice(0, 40)} does not fall within the subnet's address range`,
    )
  }
  if (store.interfaces.listBy('subnetId', subnet.id).some(({ privateIp }) => privateIp === address)) {
    throw new Ec2Error('InvalidIPAddress.InUse', `Address ${address} is in use.`)
  }
}

function baseOf(cidr: string): number {
  return numberOf(ipaddr.IPv4.networkAddressFromCIDR(cidr).toString())
}

function numberOf(address: string): number {
  return ipaddr.IPv4.parse(address).octets.reduce((sum, octet) => sum * 256 + octet, 0)
}

function addressOf(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}
