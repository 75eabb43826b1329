import type { CreateFleetRequest } from '@aws-sdk/client-ec2'
import { Ec2Error, invalidParameterCombination, invalidParameterValue, unsupportedOperation } from '../errors.ts'
import { refuseOtherMembers, requireOneOf } from '../honoured.ts'
import { readMaximumPrice, requireOneTime } from '../spot/spot-terms.ts'

/** How many a fleet launches of one kind, and by which rules. */
export interface FleetShare {
  readonly lifecycle: 'on-demand' | 'spot'
  /** In units of the fleet. */
  readonly capacity: number
  /** `prioritized`: by Priority; `diversified`: over as many pools as there are; a number: over so many; `in-order`: the first that fits. */
  readonly spread: 'in-order' | 'prioritized' | 'diversified' | number
  readonly isOneType: boolean
  readonly isOneZone: boolean
  /** Fewer are none at all. */
  readonly minimumCapacity: number
}

const operation = 'CreateFleet'
/** EC2's limit on an instant fleet. */
const maximumCapacity = 10_000

/** What is to be launched on demand and on the spot market. Throws EC2's errors for what does not fit together or is not honoured. */
export function readShares(input: CreateFleetRequest): FleetShare[] {
  requireInstant(input)
  const target = input.TargetCapacitySpecification
  const total = target?.TotalTargetCapacity ?? 0
  if (total < 1 || total > maximumCapacity) {
    throw invalidParameterValue('TotalTargetCapacity', total, `Expected 1 to ${maximumCapacity}.`)
  }
  const { OnDemandTargetCapacity: onDemand = 0, SpotTargetCapacity: spot = 0 } = target ?? {}
  const rest = total - onDemand - spot
  if (onDemand < 0 || spot < 0 || rest < 0) {
    throw invalidParameterCombination(
      'OnDemandTargetCapacity and SpotTargetCapacity together may not be more than TotalTargetCapacity',
    )
  }
  const ordinary = target?.DefaultTargetCapacityType ?? 'on-demand'
  requireOneOf(operation, 'TargetCapacitySpecification.DefaultTargetCapacityType', ordinary, ['on-demand', 'spot'])
  const shares: FleetShare[] = [
    readOnDemandShare(input, onDemand + (ordinary === 'on-demand' ? rest : 0)),
    readSpotShare(input, spot + (ordinary === 'spot' ? rest : 0)),
  ]
  for (const { isOneType, isOneZone, minimumCapacity } of shares) {
    if (minimumCapacity === 0 || isOneType || isOneZone) continue
    throw invalidParameterCombination('MinTargetCapacity needs SingleInstanceType or SingleAvailabilityZone')
  }
  return shares.filter(({ capacity }) => capacity > 0)
}

function requireInstant(input: CreateFleetRequest): void {
  if ((input.Type ?? 'maintain') !== 'instant') {
    throw unsupportedOperation(
      `Fleets of type ${input.Type ?? 'maintain'} are not supported by Kiln: set Type to instant, or launch by RunInstances.`,
    )
  }
  requireOneOf(operation, 'ReplaceUnhealthyInstances', input.ReplaceUnhealthyInstances, [false])
  requireOneOf(operation, 'TerminateInstancesWithExpiration', input.TerminateInstancesWithExpiration, [false])
}

function readOnDemandShare({ OnDemandOptions: options }: CreateFleetRequest, capacity: number): FleetShare {
  const path = 'OnDemandOptions'
  refuseOtherMembers(operation, path, options, [
    'AllocationStrategy',
    'SingleInstanceType',
    'SingleAvailabilityZone',
    'MinTargetCapacity',
    'MaxTotalPrice',
  ])
  readMaximumPrice(options?.MaxTotalPrice)
  const strategy = options?.AllocationStrategy ?? 'lowest-price'
  requireOneOf(operation, `${path}.AllocationStrategy`, strategy, ['lowest-price', 'prioritized'])
  return {
    lifecycle: 'on-demand',
    capacity,
    spread: strategy === 'prioritized' ? 'prioritized' : 'in-order',
    isOneType: options?.SingleInstanceType ?? false,
    isOneZone: options?.SingleAvailabilityZone ?? false,
    minimumCapacity: options?.MinTargetCapacity ?? 0,
  }
}

function readSpotShare({ SpotOptions: options }: CreateFleetRequest, capacity: number): FleetShare {
  const path = 'SpotOptions'
  refuseOtherMembers(operation, path, options, [
    'AllocationStrategy',
    'InstanceInterruptionBehavior',
    'InstancePoolsToUseCount',
    'SingleInstanceType',
    'SingleAvailabilityZone',
    'MinTargetCapacity',
    'MaxTotalPrice',
  ])
  requireOneTime(undefined, options?.InstanceInterruptionBehavior)
  readMaximumPrice(options?.MaxTotalPrice)
  return {
    lifecycle: 'spot',
    capacity,
    spread: readSpread(options),
    isOneType: options?.SingleInstanceType ?? false,
    isOneZone: options?.SingleAvailabilityZone ?? false,
    minimumCapacity: options?.MinTargetCapacity ?? 0,
  }
}

/** All pools of this host have the same price and the same capacity: what chooses by these takes the first. */
function readSpread(options: CreateFleetRequest['SpotOptions']): FleetShare['spread'] {
  const strategy = options?.AllocationStrategy ?? 'lowest-price'
  const pools = options?.InstancePoolsToUseCount
  if (pools !== undefined && strategy !== 'lowest-price') {
    throw invalidParameterCombination('InstancePoolsToUseCount is for the allocation strategy lowest-price only')
  }
  if (pools !== undefined && pools < 1)
    throw new Ec2Error('InvalidParameterValue', 'InstancePoolsToUseCount must be positive')
  if (strategy === 'diversified') return 'diversified'
  if (strategy === 'capacity-optimized-prioritized') return 'prioritized'
  return pools ?? 'in-order'
}
