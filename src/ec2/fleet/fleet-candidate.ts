import type {
  CreateFleetRequest,
  FleetLaunchTemplateOverridesRequest,
  LaunchTemplateAndOverridesResponse,
  RunInstancesRequest,
} from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'
import { refuseOtherMembers } from '../honoured.ts'
import { selectTypes } from '../instance-type/instance-requirements.ts'
import { type ChosenTemplate, findLaunchTemplate } from '../launch-template/find-launch-template.ts'
import { requireHonoured } from '../launch-template/template-check.ts'
import { mergeTemplate } from '../launch-template/template-merge.ts'
import type { Scope } from '../ports/store.ts'

/** One way in which a fleet may launch: a template with an override, of one instance type in one subnet. */
export interface FleetCandidate {
  readonly chosen: ChosenTemplate
  /** Counts are missing. */
  readonly request: Omit<RunInstancesRequest, 'MinCount' | 'MaxCount'>
  readonly typeName: string
  /** How much of the target one instance is. */
  readonly weight: number
  /** Lower is better; absent: last. */
  readonly priority?: number
  readonly maximumPrice?: string
  readonly described: LaunchTemplateAndOverridesResponse
}

const operation = 'CreateFleet'

/** All ways that a request offers, in its order. */
export function listCandidates(domain: Domain, scope: Scope, input: CreateFleetRequest): FleetCandidate[] {
  const configs = input.LaunchTemplateConfigs ?? []
  if (configs.length === 0) throw missingParameter('LaunchTemplateConfigs')
  return configs.flatMap(({ LaunchTemplateSpecification: specification, Overrides: overrides = [] }) => {
    const chosen = findLaunchTemplate(domain.store, scope, specification)
    if (!chosen) throw missingParameter('LaunchTemplateConfigs.LaunchTemplateSpecification')
    if (specification?.Version === undefined) throw missingParameter('LaunchTemplateSpecification.Version')
    requireHonoured(chosen.version.data)
    if (chosen.version.data.InstanceMarketOptions !== undefined) {
      throw invalidParameterCombination(
        'A launch template with InstanceMarketOptions cannot be used by a fleet: the fleet says what is spot and what is on demand.',
      )
    }
    const choices = overrides.length > 0 ? overrides : [{}]
    return choices.flatMap((override) => expandOverride(domain, chosen, override, input))
  })
}

/** One candidate for each instance type and subnet that an override lets choose from. */
function expandOverride(
  domain: Domain,
  chosen: ChosenTemplate,
  override: FleetLaunchTemplateOverridesRequest,
  input: CreateFleetRequest,
): FleetCandidate[] {
  const { SubnetId: subnetList, WeightedCapacity: weight, Priority: priority, MaxPrice: price } = override
  if (weight !== undefined && !(weight > 0)) {
    throw invalidParameterValue('WeightedCapacity', weight, 'Expected a positive number.')
  }
  const types = typesOf(domain, chosen, override)
  const subnets = subnetList === undefined ? [undefined] : subnetList.split(',').map((id) => id.trim())
  const unit = input.TargetCapacitySpecification?.TargetCapacityUnitType ?? 'units'
  return types.flatMap((typeName) =>
    subnets.map((subnetId): FleetCandidate => {
      const type = domain.instanceTypes.find(typeName)
      const natural = { units: 1, vcpu: type?.vCpus ?? 1, 'memory-mib': type?.memoryMib ?? 1 }[unit]
      return {
        chosen,
        request: launchOf(chosen, override, typeName, subnetId, input),
        typeName,
        weight: weight ?? natural,
        ...(priority === undefined ? {} : { priority }),
        ...(price === undefined ? {} : { maximumPrice: price }),
        described: describeCandidate(chosen, override, typeName, subnetId),
      }
    }),
  )
}

function typesOf(domain: Domain, { version }: ChosenTemplate, override: FleetLaunchTemplateOverridesRequest): string[] {
  if (override.InstanceType !== undefined && override.InstanceRequirements !== undefined) {
    throw invalidParameterCombination('The parameters InstanceType and InstanceRequirements may not be used together')
  }
  const requirements =
    override.InstanceRequirements ??
    (override.InstanceType === undefined ? version.data.InstanceRequirements : undefined)
  if (requirements === undefined) {
    const name = override.InstanceType ?? version.data.InstanceType
    if (name === undefined) throw missingParameter('InstanceType')
    return [name]
  }
  const found = selectTypes(operation, domain.instanceTypes.list(), requirements)
  if (found.length > 0) return found.map(({ name }) => name)
  throw invalidParameterCombination('No instance type has what InstanceRequirements ask for.')
}

function launchOf(
  { version }: ChosenTemplate,
  override: FleetLaunchTemplateOverridesRequest,
  typeName: string,
  subnetId: string | undefined,
  input: CreateFleetRequest,
): FleetCandidate['request'] {
  refuseOtherMembers(operation, 'Overrides', override, [
    'InstanceType',
    'MaxPrice',
    'SubnetId',
    'AvailabilityZone',
    'AvailabilityZoneId',
    'WeightedCapacity',
    'Priority',
    'Placement',
    'KeyName',
    'BlockDeviceMappings',
    'IamInstanceProfile',
    'MetadataOptions',
    'InstanceRequirements',
    'ImageId',
  ])
  const { AvailabilityZone, AvailabilityZoneId, Placement: placement, KeyName, ImageId } = override
  const { BlockDeviceMappings, IamInstanceProfile, MetadataOptions } = override
  const zone = {
    ...placement,
    ...(AvailabilityZone === undefined ? {} : { AvailabilityZone }),
    ...(AvailabilityZoneId === undefined ? {} : { AvailabilityZoneId }),
  }
  const tags = input.TagSpecifications?.filter(({ ResourceType: type }) => type !== 'fleet')
  const {
    MinCount: _minimum,
    MaxCount: _maximum,
    ...request
  } = mergeTemplate(version.data, {
    MinCount: 1,
    MaxCount: 1,
    InstanceType: typeName as NonNullable<RunInstancesRequest['InstanceType']>,
    ...(Object.keys(zone).length > 0 ? { Placement: zone } : {}),
    ...(KeyName === undefined ? {} : { KeyName }),
    ...(ImageId === undefined ? {} : { ImageId }),
    ...(BlockDeviceMappings ? { BlockDeviceMappings } : {}),
    ...(IamInstanceProfile ? { IamInstanceProfile } : {}),
    ...(MetadataOptions ? { MetadataOptions } : {}),
    ...(tags ? { TagSpecifications: tags } : {}),
  })
  return subnetId === undefined ? request : inSubnet(request, subnetId)
}

/** The subnet of an override is that of the first interface, where the template has one. */
function inSubnet(request: FleetCandidate['request'], subnetId: string): FleetCandidate['request'] {
  const { NetworkInterfaces: interfaces } = request
  if (!interfaces?.length) return { ...request, SubnetId: subnetId }
  return {
    ...request,
    NetworkInterfaces: interfaces.map((one) => ((one.DeviceIndex ?? 0) === 0 ? { ...one, SubnetId: subnetId } : one)),
  }
}

function describeCandidate(
  { template, version }: ChosenTemplate,
  override: FleetLaunchTemplateOverridesRequest,
  typeName: string,
  subnetId: string | undefined,
): LaunchTemplateAndOverridesResponse {
  const { InstanceRequirements: _types, IamInstanceProfile: _p, MetadataOptions: _m, KeyName: _k, ...told } = override
  return {
    LaunchTemplateSpecification: { LaunchTemplateId: template.id, Version: String(version.number) },
    Overrides: {
      ...told,
      InstanceType: typeName as NonNullable<FleetLaunchTemplateOverridesRequest['InstanceType']>,
      ...(subnetId === undefined ? {} : { SubnetId: subnetId }),
    },
  }
}
