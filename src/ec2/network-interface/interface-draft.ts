import type { Domain } from '../domain.ts'
import { invalidParameterCombination, invalidParameterValue } from '../errors.ts'
import type { Store } from '../ports/store.ts'
import { requireFreeAddress, takeAddresses } from '../subnet/address-plan.ts'
import type { SubnetRecord } from '../subnet/subnet.ts'
import { newId } from '../ids.ts'
import { type Ipv6Choice, noIpv6, takeIpv6 } from './ipv6-choice.ts'
import { newMacAddress } from './mac-address.ts'
import type { InterfaceRecord } from './network-interface.ts'

const maximumDescriptionLength = 255

/** The private addresses of a new interface as clients tell them. */
export interface AddressRequest {
  readonly PrivateIpAddress?: string | undefined
  readonly PrivateIpAddresses?:
    | readonly { readonly PrivateIpAddress?: string | undefined; readonly Primary?: boolean | undefined }[]
    | undefined
  readonly SecondaryPrivateIpAddressCount?: number | undefined
}

/** The addresses that a client chose; those that it left open are counted. */
export interface AddressChoice {
  readonly primary?: string
  readonly secondary: readonly string[]
  readonly secondaryCount: number
}

/** Reads the two ways in which addresses are told. Throws InvalidParameterCombination, InvalidParameterValue. */
export function readAddresses(request: AddressRequest): AddressChoice {
  const listed = (request.PrivateIpAddresses ?? []).flatMap(({ PrivateIpAddress: address, Primary: isPrimary }) =>
    address === undefined ? [] : [{ address, isPrimary: isPrimary ?? false }],
  )
  const primaries = [
    ...(request.PrivateIpAddress === undefined ? [] : [request.PrivateIpAddress]),
    ...listed.filter(({ isPrimary }) => isPrimary).map(({ address }) => address),
  ]
  if (new Set(primaries).size > 1) {
    throw invalidParameterCombination('Two primary private addresses are given for one network interface')
  }
  const secondary = listed.filter(({ isPrimary }) => !isPrimary).map(({ address }) => address)
  const secondaryCount = request.SecondaryPrivateIpAddressCount ?? 0
  if (secondaryCount < 0)
    throw invalidParameterValue('secondaryPrivateIpAddressCount', secondaryCount, 'Expected 0 or more.')
  if (secondaryCount > 0 && secondary.length > 0) {
    throw invalidParameterCombination('Secondary private addresses may be counted or listed, not both')
  }
  const [primary] = primaries
  return { ...(primary === undefined ? {} : { primary }), secondary, secondaryCount }
}

/** Takes chosen addresses and as many others as are wanted, all free in the subnet. Throws EC2's errors for those that are not. */
export function takeChosenAddresses(
  store: Store,
  subnet: SubnetRecord,
  chosen: readonly string[],
  count: number,
): string[] {
  if (new Set(chosen).size < chosen.length) throw invalidParameterCombination('A private address is given twice')
  for (const address of chosen) requireFreeAddress(store, subnet, address)
  if (count === 0) return [...chosen]
  const candidates = takeAddresses(store, subnet, { minimum: count + chosen.length, maximum: count + chosen.length })
  return [...chosen, ...candidates.filter((address) => !chosen.includes(address)).slice(0, count)]
}

/** A new interface in a subnet, not recorded yet. */
export function draftInterface(
  { store, random }: Pick<Domain, 'store' | 'random'>,
  subnet: SubnetRecord,
  {
    addresses,
    groupIds,
    description = '',
    wantsPublicIp = false,
    ipv6 = noIpv6,
    id = newId('eni', random),
    macAddress = newMacAddress(random),
  }: {
    addresses: AddressChoice
    groupIds: readonly string[]
    description?: string | undefined
    wantsPublicIp?: boolean
    ipv6?: Ipv6Choice
    /** Drawn already; absent: drawn here. */
    id?: string
    macAddress?: string
  },
): InterfaceRecord {
  if (description.length > maximumDescriptionLength) {
    throw invalidParameterValue('description', `${description.slice(0, 80)}…`, 'At most 255 characters.')
  }
  const { primary, secondary, secondaryCount } = addresses
  const chosen = [...(primary === undefined ? [] : [primary]), ...secondary]
  const taken = takeChosenAddresses(store, subnet, chosen, secondaryCount + (primary === undefined ? 1 : 0))
  const privateIp = primary ?? taken[secondary.length] ?? ''
  const others = taken.filter((address) => address !== privateIp)
  return {
    accountId: subnet.accountId,
    region: subnet.region,
    id,
    vpcId: subnet.vpcId,
    subnetId: subnet.id,
    availabilityZone: subnet.availabilityZone,
    description,
    macAddress,
    privateIp,
    ...(others.length > 0 ? { secondaryIps: others.map((address) => ({ privateIp: address })) } : {}),
    ...takeIpv6({ store, random }, subnet, ipv6),
    groupIds,
    hasSourceDestCheck: true,
    wantsPublicIp,
  }
}
