import type { RunInstancesRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue } from '../errors.ts'
import { refuseOtherMembers, requireOneOf } from '../honoured.ts'
import { findAll, findOne } from '../ids.ts'
import { choosePlacementGroup, type ChosenPlacementGroup } from '../placement-group/choose-placement-group.ts'
import type { Scope } from '../ports/store.ts'
import { findGroupsByName } from '../security-group/find-group.ts'
import { refuseTooManyGroups } from '../security-group/find-group.ts'
import type { SubnetRecord } from '../subnet/subnet.ts'
import type { Tenancy } from '../vpc/vpc.ts'
import { readInterfaces } from './launch-interface.ts'
import { findExistingInterface, planFurtherInterface, type PlannedInterface } from './planned-interface.ts'

/** Where the instances of a launch come to live, and their interfaces, the primary one first. */
export interface LaunchPlace {
  readonly subnet: SubnetRecord
  readonly interfaces: readonly [PlannedInterface, ...PlannedInterface[]]
  readonly placementGroup?: ChosenPlacementGroup
  readonly tenancy: Tenancy
}

const operation = 'RunInstances'

/** Chooses subnet and security groups. Throws EC2's errors for what is not there or does not fit together. */
export function choosePlace(domain: Domain, scope: Scope, input: RunInstancesRequest): LaunchPlace {
  const [wanted, ...others] = readInterfaces(input)
  const zone = readZone(domain, scope, input.Placement)
  const existing =
    wanted.interfaceId === undefined ? undefined : findExistingInterface(domain, scope, wanted.interfaceId)
  const subnetId = existing?.subnetId ?? wanted.subnetId
  const subnet =
    subnetId === undefined
      ? findDefaultSubnet(domain, scope, zone)
      : findOne('subnet', subnetId, (id) => domain.store.subnets.get(scope, id))
  if (zone !== undefined && zone !== subnet.availabilityZone) {
    throw invalidParameterValue('availabilityZone', zone, `The subnet ${subnet.id} is in ${subnet.availabilityZone}.`)
  }
  const placementGroup = choosePlacementGroup(domain.store, scope, input.Placement)
  const groupIds = () =>
    chooseGroups(domain, scope, subnet, wanted.groupIds ?? input.SecurityGroupIds, input.SecurityGroups)
  const primary: PlannedInterface = {
    deviceIndex: 0,
    ...(existing ? { existing } : {}),
    subnet,
    groupIds: existing?.groupIds ?? groupIds(),
    addresses: wanted.addresses,
    ipv6: wanted.ipv6,
    // As on EC2, several interfaces have no public address but an elastic one.
    wantsPublicIp: wanted.wantsPublicIp ?? (others.length === 0 && subnet.mapPublicIpOnLaunch),
    description: wanted.description,
    deleteOnTermination: wanted.deleteOnTermination,
  }
  const further = others.map((other) => planFurtherInterface(domain, scope, subnet, other))
  return {
    ...(placementGroup ? { placementGroup } : {}),
    tenancy: chooseTenancy(domain, subnet, input.Placement),
    subnet,
    interfaces: [primary, ...further],
  }
}

/** As on EC2, all instances of a dedicated VPC are dedicated. */
function chooseTenancy(
  { store }: Domain,
  { vpcId }: SubnetRecord,
  placement: RunInstancesRequest['Placement'],
): Tenancy {
  requireOneOf(operation, 'Placement.Tenancy', placement?.Tenancy, ['default', 'dedicated'])
  const isDedicated = placement?.Tenancy === 'dedicated' || store.vpcs.find(vpcId)?.tenancy === 'dedicated'
  return isDedicated ? 'dedicated' : 'default'
}

function readZone({ regions }: Domain, scope: Scope, placement: RunInstancesRequest['Placement']): string | undefined {
  refuseOtherMembers(operation, 'Placement', placement, [
    'AvailabilityZone',
    'AvailabilityZoneId',
    'Tenancy',
    'Affinity',
    'GroupName',
    'GroupId',
    'PartitionNumber',
  ])
  requireOneOf(operation, 'Placement.Affinity', placement?.Affinity, ['default'])
  const { AvailabilityZone: name, AvailabilityZoneId: id } = placement ?? {}
  if (id === undefined) return name
  if (name !== undefined) {
    throw invalidParameterCombination('The parameters AvailabilityZone and AvailabilityZoneId may not be used together')
  }
  const zone = regions.get(scope.region)?.zones.find((candidate) => candidate.id === id)
  if (!zone) throw invalidParameterValue('availabilityZoneId', id.slice(0, 80), `${scope.region} has no such zone.`)
  return zone.name
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
  if (chosen) return chosen
  const zones = defaults.map(({ availabilityZone }) => availabilityZone).join(', ')
  throw invalidParameterValue('availabilityZone', (zone ?? '').slice(0, 80), `Zones here: ${zones}.`)
}

function chooseGroups(
  { store, settings }: Domain,
  scope: Scope,
  subnet: SubnetRecord,
  ids: readonly string[] = [],
  names: readonly string[] = [],
): string[] {
  if (ids.length > 0 && names.length > 0) {
    throw invalidParameterCombination('The parameters SecurityGroupIds and SecurityGroups may not be used together')
  }
  if (ids.length === 0) {
    const named = findGroupsByName(store, subnet.vpcId, names.length > 0 ? [...new Set(names)] : ['default'])
    refuseTooManyGroups(settings.quotas, named)
    return named.map(({ id }) => id)
  }
  const groups = findAll('sg', ids, (id) => store.securityGroups.get(scope, id))
  if (groups.some(({ vpcId }) => vpcId !== subnet.vpcId)) {
    throw new Ec2Error(
      'InvalidParameter',
      `Security group ${groups.find(({ vpcId }) => vpcId !== subnet.vpcId)?.id} and subnet ${subnet.id} belong to different networks.`,
    )
  }
  refuseTooManyGroups(settings.quotas, groups)
  return groups.map(({ id }) => id)
}
