import { Ec2Error } from '../errors.ts'
import { containsBlock, ipv4OfNumber, isIpv4Address, numberOfIpv4, parseIpv4Block } from '../ipv4.ts'
import type { Store } from '../ports/store.ts'
import type { SubnetRecord } from './subnet.ts'

/** EC2 keeps the first four addresses and the last of each subnet ("Subnet sizing for IPv4"). */
const reservedAtStart = 4

/** Number of addresses that instances may have in a subnet of that CIDR. */
function usableAddressCount(cidr: string): number {
  return 2 ** (32 - Number(cidr.split('/')[1])) - reservedAtStart - 1
}

/** Number of addresses of a subnet that no interface has. */
export function freeAddressCount(store: Store, { id, cidr }: SubnetRecord): number {
  return usableAddressCount(cidr) - store.subnetAddresses.count(id)
}

/**
 * The lowest free addresses of a subnet that no reservation keeps back, as many as there are up to `maximum`. Throws
 * InsufficientFreeAddressesInSubnet.
 */
export function takeAddresses(
  store: Store,
  subnet: SubnetRecord,
  { minimum, maximum }: { minimum: number; maximum: number },
): string[] {
  const taken = new Set(store.subnetAddresses.list(subnet.id))
  const base = baseOf(subnet.cidr)
  const reserved = store.cidrReservations
    .listBy('subnetId', subnet.id)
    .flatMap(({ cidr }) => parseIpv4Block(cidr) ?? [])
  const isReserved = (address: number) =>
    reserved.some((range) => containsBlock(range, { base: address, prefixLength: 32 }))
  const found: string[] = []
  for (let offset = reservedAtStart; offset < usableAddressCount(subnet.cidr) + reservedAtStart; offset++) {
    if (found.length === maximum) break
    const address = ipv4OfNumber(base + offset)
    if (!taken.has(address) && !isReserved(base + offset)) found.push(address)
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
  const offset = isIpv4Address(address) ? numberOfIpv4(address) - baseOf(subnet.cidr) : -1
  if (offset < reservedAtStart || offset >= usableAddressCount(subnet.cidr) + reservedAtStart) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `Address ${address.slice(0, 40)} does not fall within the subnet's address range`,
    )
  }
  if (store.subnetAddresses.has(subnet.id, address)) {
    throw new Ec2Error('InvalidIPAddress.InUse', `Address ${address} is in use.`)
  }
}

function baseOf(cidr: string): number {
  return parseIpv4Block(cidr)?.base ?? 0
}
