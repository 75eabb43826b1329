import type { RunInstancesRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import {
  Ec2Error,
  invalidParameterCombination,
  invalidParameterValue,
  missingParameter,
  unsupportedOperation,
} from '../errors.ts'
import { findAll, findOne } from '../ids.ts'
import type { ImageRecord } from '../image/image.ts'
import type { InstanceType } from '../instance-type/instance-type.ts'
import { unknownInstanceType } from '../instance-type/instance-type.ts'
import type { KeyPairRecord } from '../key-pair/key-pair.ts'
import type { Scope, Tag } from '../ports/store.ts'
import { findGroupsByName } from '../security-group/find-group.ts'
import { requireFreeAddress } from '../subnet/address-plan.ts'
import type { SubnetRecord } from '../subnet/subnet.ts'
import { readTagSpecifications } from '../tag/tag.ts'
import { type PlannedVolume, planVolumes } from './block-devices.ts'
import type { InstanceMetadataOptions } from './instance.ts'
import { readMetadataOptions } from './metadata-options.ts'
import { readUserData } from './user-data.ts'

/** A launch with every question answered: what is left is to write it down. */
export interface LaunchPlan {
  readonly image: ImageRecord
  readonly type: InstanceType
  readonly minimumCount: number
  readonly maximumCount: number
  readonly subnet: SubnetRecord
  readonly groupIds: readonly string[]
  readonly privateIp?: string
  readonly wantsPublicIp: boolean
  readonly interfaceDescription: string
  readonly deleteInterfaceOnTermination: boolean
  readonly keyPair?: KeyPairRecord
  readonly userData?: string
  readonly volumes: readonly PlannedVolume[]
  readonly shutdownBehavior: 'stop' | 'terminate'
  readonly hasTerminationProtection: boolean
  readonly hasStopProtection: boolean
  readonly isEbsOptimized: boolean
  readonly isMonitored: boolean
  readonly metadataOptions: InstanceMetadataOptions
  readonly autoRecovery: 'default' | 'disabled'
  readonly tags: ReadonlyMap<string, Tag[]>
  readonly clientToken?: string
}

type NetworkInterfaceRequest = NonNullable<RunInstancesRequest['NetworkInterfaces']>[number]

/** EC2's default when none is named. */
const defaultInstanceType = 'm1.small'
const maximumLaunchCount = 1000

/** Checks a RunInstances request against what there is. Throws EC2's errors; changes nothing. */
export function planLaunch(domain: Domain, scope: Scope, input: RunInstancesRequest): LaunchPlan {
  const { store } = domain
  const { MinCount: minimumCount = 0, MaxCount: maximumCount = 0 } = input
  if (minimumCount < 1) throw invalidParameterValue('minCount', minimumCount, 'Expected a positive number.')
  if (maximumCount < minimumCount) {
    throw new Ec2Error('InvalidParameterValue', 'maxCount must be at least minCount')
  }
  if (maximumCount > maximumLaunchCount) {
    throw new Ec2Error(
      'InstanceLimitExceeded',
      `At most ${maximumLaunchCount} instances can be launched by one request`,
    )
  }
  if (!input.ImageId) throw missingParameter('ImageId')
  const image = findOne('ami', input.ImageId, (id) => store.images.get(scope, id))
  if (image.state !== 'available') {
    throw new Ec2Error('InvalidAMIID.Unavailable', `The image id '[${image.id}]' is no longer available`)
  }
  const type = chooseType(domain, image, input.InstanceType)
  const place = choosePlace(domain, scope, input)
  if (place.privateIp !== undefined) {
    if (maximumCount > 1) throw invalidParameterCombination('A private address can be given to one instance only')
    requireFreeAddress(store, place.subnet, place.privateIp)
  }
  const keyPair = input.KeyName === undefined ? undefined : findKeyPair(domain, scope, input.KeyName)
  const userData = readUserData(input.UserData)
  return {
    ...place,
    image,
    type,
    minimumCount,
    maximumCount,
    ...(keyPair ? { keyPair } : {}),
    ...(userData === undefined ? {} : { userData }),
    volumes: planVolumes(domain, scope, image, input.BlockDeviceMappings ?? []),
    shutdownBehavior: input.InstanceInitiatedShutdownBehavior ?? 'stop',
    hasTerminationProtection: input.DisableApiTermination ?? false,
    hasStopProtection: input.DisableApiStop ?? false,
    isEbsOptimized: input.EbsOptimized ?? false,
    isMonitored: input.Monitoring?.Enabled ?? false,
    metadataOptions: readMetadataOptions(input.MetadataOptions),
    autoRecovery: input.MaintenanceOptions?.AutoRecovery ?? 'default',
    tags: readTagSpecifications(input.TagSpecifications, ['instance', 'volume', 'network-interface']),
    ...(input.ClientToken ? { clientToken: input.ClientToken } : {}),
  }
}

function chooseType(domain: Domain, image: ImageRecord, name: string = defaultInstanceType): InstanceType {
  const type = domain.instanceTypes.find(name)
  if (!type) throw unknownInstanceType(name)
  if (!type.architectures.includes(image.architecture)) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `The architecture '${type.architectures.join(',')}' of the specified instance type does not match the architecture '${image.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.`,
    )
  }
  return type
}

type Place = Pick<
  LaunchPlan,
  'subnet' | 'groupIds' | 'privateIp' | 'wantsPublicIp' | 'interfaceDescription' | 'deleteInterfaceOnTermination'
>

function choosePlace(domain: Domain, scope: Scope, input: RunInstancesRequest): Place {
  const given = readInterface(input)
  const subnetId = given?.SubnetId ?? input.SubnetId
  const tenancy = input.Placement?.Tenancy
  if (tenancy !== undefined && tenancy !== 'default') {
    throw unsupportedOperation(`Tenancy ${tenancy} is not supported by Kiln: all instances share this host.`)
  }
  const zone = input.Placement?.AvailabilityZone
  const subnet =
    subnetId === undefined
      ? findDefaultSubnet(domain, scope, zone)
      : findOne('subnet', subnetId, (id) => domain.store.subnets.get(scope, id))
  if (zone !== undefined && zone !== subnet.availabilityZone) {
    throw invalidParameterValue('availabilityZone', zone, `The subnet ${subnet.id} is in ${subnet.availabilityZone}.`)
  }
  const groupIds = chooseGroups(domain, scope, subnet, given?.Groups ?? input.SecurityGroupIds, input.SecurityGroups)
  const privateIp = given?.PrivateIpAddress ?? input.PrivateIpAddress
  return {
    subnet,
    groupIds,
    ...(privateIp === undefined ? {} : { privateIp }),
    wantsPublicIp: given?.AssociatePublicIpAddress ?? subnet.mapPublicIpOnLaunch,
    interfaceDescription: given?.Description ?? '',
    deleteInterfaceOnTermination: given?.DeleteOnTermination ?? true,
  }
}

/** What of NetworkInterface.1 is honoured. */
const interfaceParameters: ReadonlySet<string> = new Set([
  'DeviceIndex',
  'SubnetId',
  'Groups',
  'AssociatePublicIpAddress',
  'PrivateIpAddress',
  'Description',
  'DeleteOnTermination',
])

function readInterface(input: RunInstancesRequest): NetworkInterfaceRequest | undefined {
  const [given, ...others] = input.NetworkInterfaces ?? []
  if (!given) return undefined
  if (others.length > 0)
    throw unsupportedOperation('More than one network interface at launch is not supported by Kiln yet.')
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && !interfaceParameters.has(name)) {
      throw unsupportedOperation(`The parameter NetworkInterface.${name} of RunInstances is not supported by Kiln.`)
    }
  }
  if ((given.DeviceIndex ?? 0) !== 0)
    throw invalidParameterValue('deviceIndex', given.DeviceIndex, 'The first interface has index 0.')
  if (input.SubnetId || input.PrivateIpAddress || input.SecurityGroupIds?.length || input.SecurityGroups?.length) {
    throw invalidParameterCombination(
      'Network interfaces and an instance-level subnet ID, private address or security groups may not be specified on the same request',
    )
  }
  return given
}

function findDefaultSubnet({ store }: Domain, scope: Scope, zone: string | undefined): SubnetRecord {
  const defaults = store.subnets.list(scope).filter((subnet) => subnet.isDefaultForAz)
  if (defaults.length === 0) {
    throw new Ec2Error(
      'VPCIdNotSpecified',
      'No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.',
    )
  }
  const chosen = zone === undefined ? defaults[0] : defaults.find((subnet) => subnet.availabilityZone === zone)
  if (!chosen)
    throw invalidParameterValue(
      'availabilityZone',
      zone,
      `Zones here: ${defaults.map((s) => s.availabilityZone).join(', ')}.`,
    )
  return chosen
}

function chooseGroups(
  { store }: Domain,
  scope: Scope,
  subnet: SubnetRecord,
  ids: readonly string[] = [],
  names: readonly string[] = [],
): string[] {
  if (ids.length > 0 && names.length > 0) {
    throw invalidParameterCombination('The parameters SecurityGroupIds and SecurityGroups may not be used together')
  }
  if (ids.length > 0) {
    const groups = findAll('sg', ids, (id) => store.securityGroups.get(scope, id))
    const stranger = groups.find((group) => group.vpcId !== subnet.vpcId)
    if (stranger) {
      throw new Ec2Error(
        'InvalidGroup.NotFound',
        `The security group '${stranger.id}' does not belong to VPC ${subnet.vpcId}`,
      )
    }
    return groups.map(({ id }) => id)
  }
  return findGroupsByName(store, subnet.vpcId, names.length > 0 ? names : ['default']).map(({ id }) => id)
}

function findKeyPair({ store }: Domain, scope: Scope, name: string): KeyPairRecord {
  const found = store.keyPairs.list(scope).find((keyPair) => keyPair.name === name)
  if (!found) throw new Ec2Error('InvalidKeyPair.NotFound', `The key pair '${name.slice(0, 255)}' does not exist`)
  return found
}
