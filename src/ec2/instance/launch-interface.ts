import type { RunInstancesRequest } from '@aws-sdk/client-ec2'
import { Ec2Error, invalidParameterCombination, invalidParameterValue } from '../errors.ts'
import { refuseOtherMembers, requireOneOf } from '../honoured.ts'
import { type AddressChoice, readAddresses } from '../network-interface/interface-draft.ts'
import { type Ipv6Choice, readIpv6 } from '../network-interface/ipv6-choice.ts'
import { networkPortCount } from '../ports/machine-spec.ts'

/** A network interface of a launch as the client wants it, told on the instance or in `NetworkInterface.N`. */
export interface LaunchInterface {
  readonly deviceIndex: number
  /** An interface that is there already; then the members that describe a new one are absent. */
  readonly interfaceId?: string
  readonly subnetId?: string
  readonly groupIds?: readonly string[]
  readonly addresses: AddressChoice
  readonly ipv6: Ipv6Choice
  /** Absent: as the subnet says. */
  readonly wantsPublicIp?: boolean
  readonly description: string
  readonly deleteOnTermination: boolean
}

type InterfaceRequest = NonNullable<RunInstancesRequest['NetworkInterfaces']>[number]

const operation = 'RunInstances'
const path = 'NetworkInterface'
const maximumDescriptionLength = 255
/** What describes a new interface: it has no place beside the id of one that is there. */
const describing = [
  'SubnetId',
  'Groups',
  'AssociatePublicIpAddress',
  'PrivateIpAddress',
  'PrivateIpAddresses',
  'SecondaryPrivateIpAddressCount',
  'Ipv6AddressCount',
  'Ipv6Addresses',
  'PrimaryIpv6',
  'Description',
] as const
const honoured = [
  'DeviceIndex',
  'NetworkInterfaceId',
  'DeleteOnTermination',
  'NetworkCardIndex',
  'InterfaceType',
  'AssociateCarrierIpAddress',
  ...describing,
]

/** The interfaces of a launch by their device index, the primary one first. Throws EC2's errors for what does not fit together. */
export function readInterfaces(input: RunInstancesRequest): [LaunchInterface, ...LaunchInterface[]] {
  const given = input.NetworkInterfaces ?? []
  if (given.length === 0) return [readFromInstance(input)]
  if (input.SubnetId || input.PrivateIpAddress || input.SecurityGroupIds?.length || input.SecurityGroups?.length) {
    throw invalidParameterCombination(
      'Network interfaces and an instance-level subnet ID, private address or security groups may not be specified on the same request',
    )
  }
  if (input.Ipv6AddressCount || input.Ipv6Addresses?.length) {
    throw invalidParameterCombination(
      'Network interfaces and instance-level IPv6 addresses may not be specified on the same request',
    )
  }
  const read = given.map((one, index) => readInterface(one, given.length === 1 ? 0 : index, input))
  read.sort((a, b) => a.deviceIndex - b.deviceIndex)
  const [primary, ...others] = read
  if (primary?.deviceIndex !== 0) {
    throw invalidParameterValue('deviceIndex', primary?.deviceIndex, 'The first interface has index 0.')
  }
  if (new Set(read.map(({ deviceIndex }) => deviceIndex)).size < read.length) {
    throw invalidParameterCombination('Each network interface requires a device index of its own.')
  }
  if (others.length > 0 && read.some(({ wantsPublicIp }) => wantsPublicIp)) {
    throw invalidParameterCombination(
      'The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces.',
    )
  }
  return [primary, ...others]
}

function readFromInstance(input: RunInstancesRequest): LaunchInterface {
  return {
    deviceIndex: 0,
    ...(input.SubnetId === undefined ? {} : { subnetId: input.SubnetId }),
    addresses: readAddresses({ PrivateIpAddress: input.PrivateIpAddress }),
    ipv6: readIpv6(input, input.EnablePrimaryIpv6),
    description: '',
    deleteOnTermination: true,
  }
}

function readInterface(
  given: InterfaceRequest,
  usualIndex: number,
  { EnablePrimaryIpv6: wantsPrimary }: RunInstancesRequest,
): LaunchInterface {
  requireOrdinary(given)
  const deviceIndex = given.DeviceIndex ?? usualIndex
  if (deviceIndex < 0 || deviceIndex >= networkPortCount) {
    throw invalidParameterValue('deviceIndex', deviceIndex, `Expected 0 to ${networkPortCount - 1}.`)
  }
  const description = given.Description ?? ''
  if (description.length > maximumDescriptionLength) {
    throw invalidParameterValue('description', `${description.slice(0, 80)}…`, 'At most 255 characters.')
  }
  const { NetworkInterfaceId: interfaceId } = given
  if (interfaceId) refuseDescription(given)
  return {
    deviceIndex,
    ...(interfaceId ? { interfaceId } : {}),
    ...(given.SubnetId === undefined ? {} : { subnetId: given.SubnetId }),
    ...(given.Groups?.length ? { groupIds: given.Groups } : {}),
    addresses: readAddresses(given),
    // What is said of the instance holds for its first interface.
    ipv6: readIpv6(given, given.PrimaryIpv6 ?? (deviceIndex === 0 && wantsPrimary)),
    ...(given.AssociatePublicIpAddress === undefined ? {} : { wantsPublicIp: given.AssociatePublicIpAddress }),
    description,
    // One that was there before stays by default.
    deleteOnTermination: given.DeleteOnTermination ?? !interfaceId,
  }
}

function refuseDescription(given: InterfaceRequest): void {
  const besides = describing.find((name) => {
    const value = given[name]
    return value !== undefined && !(Array.isArray(value) && value.length === 0)
  })
  if (!besides) return
  throw new Ec2Error(
    'InvalidParameterCombination',
    `A network interface may not specify both a network interface ID and ${besides}`,
  )
}

function requireOrdinary(given: InterfaceRequest): void {
  refuseOtherMembers(operation, path, given, honoured)
  requireOneOf(operation, `${path}.NetworkCardIndex`, given.NetworkCardIndex, [0])
  requireOneOf(operation, `${path}.InterfaceType`, given.InterfaceType, ['interface'])
  requireOneOf(operation, `${path}.AssociateCarrierIpAddress`, given.AssociateCarrierIpAddress, [false])
}
