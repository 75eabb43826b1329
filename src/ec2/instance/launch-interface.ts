import type { RunInstancesRequest } from '@aws-sdk/client-ec2'
import { invalidParameterCombination, invalidParameterValue, unsupportedOperation } from '../errors.ts'
import { refuseOtherMembers, requireOneOf } from '../honoured.ts'

/** The network interface of a launch as the client wants it, told on the instance or in `NetworkInterface.1`. */
export interface LaunchInterface {
  readonly subnetId?: string
  readonly groupIds?: readonly string[]
  readonly privateIp?: string
  /** Absent: as the subnet says. */
  readonly wantsPublicIp?: boolean
  readonly interfaceDescription: string
  readonly deleteInterfaceOnTermination: boolean
}

type InterfaceRequest = NonNullable<RunInstancesRequest['NetworkInterfaces']>[number]

const operation = 'RunInstances'
const path = 'NetworkInterface'
const maximumDescriptionLength = 255
const honoured = [
  'DeviceIndex',
  'SubnetId',
  'Groups',
  'AssociatePublicIpAddress',
  'PrivateIpAddress',
  'PrivateIpAddresses',
  'Description',
  'DeleteOnTermination',
  'NetworkCardIndex',
  'InterfaceType',
  'Ipv6AddressCount',
  'SecondaryPrivateIpAddressCount',
  'AssociateCarrierIpAddress',
]

/** Reads the one interface of a launch. Throws UnsupportedOperation, InvalidParameterCombination, InvalidParameterValue. */
export function readInterface(input: RunInstancesRequest): LaunchInterface {
  const [given, ...others] = input.NetworkInterfaces ?? []
  if (!given) {
    return {
      ...(input.SubnetId === undefined ? {} : { subnetId: input.SubnetId }),
      ...(input.PrivateIpAddress === undefined ? {} : { privateIp: input.PrivateIpAddress }),
      interfaceDescription: '',
      deleteInterfaceOnTermination: true,
    }
  }
  if (others.length > 0) {
    throw unsupportedOperation('More than one network interface at launch is not supported by Kiln yet.')
  }
  if (input.SubnetId || input.PrivateIpAddress || input.SecurityGroupIds?.length || input.SecurityGroups?.length) {
    throw invalidParameterCombination(
      'Network interfaces and an instance-level subnet ID, private address or security groups may not be specified on the same request',
    )
  }
  requireOrdinary(given)
  const description = given.Description ?? ''
  if (description.length > maximumDescriptionLength) {
    throw invalidParameterValue('description', `${description.slice(0, 80)}…`, 'At most 255 characters.')
  }
  const privateIp = readPrivateIp(given)
  return {
    ...(given.SubnetId === undefined ? {} : { subnetId: given.SubnetId }),
    ...(given.Groups?.length ? { groupIds: given.Groups } : {}),
    ...(privateIp === undefined ? {} : { privateIp }),
    ...(given.AssociatePublicIpAddress === undefined ? {} : { wantsPublicIp: given.AssociatePublicIpAddress }),
    interfaceDescription: description,
    deleteInterfaceOnTermination: given.DeleteOnTermination ?? true,
  }
}

function requireOrdinary(given: InterfaceRequest): void {
  refuseOtherMembers(operation, path, given, honoured)
  if ((given.DeviceIndex ?? 0) !== 0) {
    throw invalidParameterValue('deviceIndex', given.DeviceIndex, 'The first interface has index 0.')
  }
  requireOneOf(operation, `${path}.NetworkCardIndex`, given.NetworkCardIndex, [0])
  requireOneOf(operation, `${path}.InterfaceType`, given.InterfaceType, ['interface'])
  requireOneOf(operation, `${path}.Ipv6AddressCount`, given.Ipv6AddressCount, [0])
  requireOneOf(operation, `${path}.SecondaryPrivateIpAddressCount`, given.SecondaryPrivateIpAddressCount, [0])
  requireOneOf(operation, `${path}.AssociateCarrierIpAddress`, given.AssociateCarrierIpAddress, [false])
}

/** The primary address has two ways to be told. */
function readPrivateIp(given: InterfaceRequest): string | undefined {
  const [listed, ...others] = given.PrivateIpAddresses ?? []
  if (!listed) return given.PrivateIpAddress
  if (others.length > 0 || listed.Primary === false) {
    throw unsupportedOperation('Secondary private addresses are not supported by Kiln yet.')
  }
  if (given.PrivateIpAddress !== undefined && given.PrivateIpAddress !== listed.PrivateIpAddress) {
    throw invalidParameterCombination('Two primary private addresses are given for one network interface')
  }
  return listed.PrivateIpAddress
}
