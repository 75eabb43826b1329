import type { Random } from '../../host/random.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue } from '../errors.ts'
import type { InstanceType, InstanceTypeCatalog } from '../instance-type/instance-type.ts'
import { canonicalIpv6 } from '../ipv6.ts'
import type { Store } from '../ports/store.ts'
import { drawIpv6Addresses, requireFreeIpv6 } from '../subnet/ipv6-plan.ts'
import type { SubnetRecord } from '../subnet/subnet.ts'
import type { InterfaceRecord } from './network-interface.ts'

/** The IPv6 addresses of an interface as clients tell them. */
export interface Ipv6Request {
  readonly Ipv6AddressCount?: number | undefined
  readonly Ipv6Addresses?: readonly { readonly Ipv6Address?: string | undefined }[] | undefined
}

/** The addresses that a client chose, or how many it wants. */
export interface Ipv6Choice {
  readonly addresses: readonly string[]
  /** Absent: as the subnet says, unless addresses are chosen. */
  readonly count?: number
  /** Whether the first one shall be the primary one. */
  readonly isPrimary: boolean
}

/** None, whatever the subnet says. */
export const noIpv6: Ipv6Choice = { addresses: [], count: 0, isPrimary: false }

/** Reads the two ways in which addresses are told. Throws InvalidParameterCombination, InvalidParameterValue. */
export function readIpv6(
  { Ipv6AddressCount: count, Ipv6Addresses: listed = [] }: Ipv6Request,
  isPrimary: boolean | undefined = false,
): Ipv6Choice {
  const addresses = listed.map(({ Ipv6Address: address = '' }) => address)
  requireOneWay(addresses, count)
  if (isPrimary && count === 0 && addresses.length === 0) {
    throw invalidParameterCombination('A primary IPv6 address may not be enabled with an IPv6 address count of 0')
  }
  return { addresses, ...(count === undefined ? {} : { count }), isPrimary }
}

/** Throws InvalidParameterCombination when addresses are both listed and counted, InvalidParameterValue for a negative count. */
export function requireOneWay(addresses: readonly string[], count: number | undefined): void {
  if (count !== undefined && count < 0) throw invalidParameterValue('ipv6AddressCount', count, 'Expected 0 or more.')
  if (count !== undefined && count > 0 && addresses.length > 0) {
    throw invalidParameterCombination('IPv6 addresses and IPv6 address count may not be specified on the same request')
  }
}

/** How many IPv6 addresses a new interface of a subnet gets. */
export function countIpv6(subnet: SubnetRecord, { addresses, count, isPrimary }: Ipv6Choice): number {
  if (addresses.length > 0) return addresses.length
  // A primary address is assigned where none is asked for.
  return count ?? (subnet.assignIpv6AddressOnCreation || isPrimary ? 1 : 0)
}

/** Takes the addresses of a new interface, chosen ones in their canonical form. Throws EC2's errors for those that are not free. */
export function takeIpv6(
  domain: { store: Store; random: Random },
  subnet: SubnetRecord,
  choice: Ipv6Choice,
): Pick<InterfaceRecord, 'ipv6Addresses' | 'hasPrimaryIpv6'> {
  const count = countIpv6(subnet, choice)
  if (count === 0) return {}
  const ipv6Addresses =
    choice.addresses.length > 0
      ? takeChosenIpv6(domain.store, subnet, choice.addresses)
      : drawIpv6Addresses(domain, subnet, count)
  return { ipv6Addresses, ...(choice.isPrimary ? { hasPrimaryIpv6: true } : {}) }
}

/** Chosen addresses in their canonical form. Throws EC2's errors for those that are not free, or given twice. */
export function takeChosenIpv6(store: Store, subnet: SubnetRecord, chosen: readonly string[]): string[] {
  const addresses = chosen.map((text) => requireFreeIpv6(store, subnet, text))
  if (new Set(addresses).size < addresses.length) {
    throw invalidParameterCombination('An IPv6 address is given twice')
  }
  return addresses
}

/** The address in the form in which records have it; what is no address stays as it is. */
export function recordedIpv6(text: string): string {
  return canonicalIpv6(text) ?? text
}

/** An interface whose first IPv6 address is its primary one, from now on. Throws InvalidParameterCombination where it has none. */
export function withPrimaryIpv6(record: InterfaceRecord): InterfaceRecord {
  if (record.ipv6Addresses) return { ...record, hasPrimaryIpv6: true }
  throw invalidParameterCombination(
    `The network interface ${record.id} has no IPv6 address that could be its primary one: assign one by AssignIpv6Addresses.`,
  )
}

/**
 * Holds an interface of an instance to as many IPv6 addresses as the instance's type allows. Throws PrivateIpAddressLimitExceeded,
 * InvalidParameterCombination for a type without IPv6.
 */
export function requireIpv6Room({ name, ipv6AddressesPerInterface: limit }: InstanceType, count: number): void {
  if (count <= limit) return
  if (limit > 0) throw limitExceeded(`${name}, ${limit}`)
  throw invalidParameterCombination(
    `IPv6 addresses are not supported by the instance type ${name}: choose one whose Ipv6Supported is true.`,
  )
}

/** The same for an interface that no instance has: to what the most generous type allows. */
export function requireIpv6RoomSomewhere(types: InstanceTypeCatalog, count: number): void {
  const limit = Math.max(...types.list().map(({ ipv6AddressesPerInterface }) => ipv6AddressesPerInterface))
  if (count > limit) throw limitExceeded(`every instance type, ${limit}`)
}

function limitExceeded(whose: string): Ec2Error {
  return new Ec2Error(
    'PrivateIpAddressLimitExceeded',
    `Number of IPv6 addresses of a network interface will exceed the limit of ${whose}.`,
  )
}
