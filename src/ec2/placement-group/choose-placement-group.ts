import type { Domain } from '../domain.ts'
import {
  type Ec2Error,
  insufficientInstanceCapacity,
  invalidParameterCombination,
  invalidParameterValue,
} from '../errors.ts'
import type { InstancePlacement, InstanceRecord } from '../instance/instance.ts'
import type { Scope, Store } from '../ports/store.ts'
import { findPlacementGroup, type PlacementGroupRecord } from './placement-group.ts'

/** A group that instances are put into, and its partition when the client has chosen one. */
export interface ChosenPlacementGroup {
  readonly group: PlacementGroupRecord
  readonly partitionNumber?: number
}

/** What a request says of a group. */
interface GroupRequest {
  readonly GroupId?: string | undefined
  readonly GroupName?: string | undefined
  readonly PartitionNumber?: number | undefined
}

/** EC2's limit of a group in a zone ("Spread placement groups"). */
const maximumSpread = 7

/** The group that a request names; undefined when it names none. Throws for one that is not there and for a partition that it does not have. */
export function choosePlacementGroup(
  store: Store,
  scope: Scope,
  request: GroupRequest | undefined,
): ChosenPlacementGroup | undefined {
  const group = findPlacementGroup(store, scope, request ?? {})
  return choosePartition(group, request?.PartitionNumber)
}

/** A group with a partition of it. */
export function choosePartition(
  group: PlacementGroupRecord | undefined,
  partitionNumber: number | undefined,
): ChosenPlacementGroup | undefined {
  if (partitionNumber === undefined) return group ? { group } : undefined
  if (group?.partitionCount === undefined) {
    throw invalidParameterCombination('PartitionNumber needs a placement group whose strategy is partition.')
  }
  if (partitionNumber >= 1 && partitionNumber <= group.partitionCount) return { group, partitionNumber }
  throw invalidParameterValue(
    'partitionNumber',
    partitionNumber,
    `The placement group '${group.name}' has the partitions 1 to ${group.partitionCount}.`,
  )
}

/** Throws InvalidParameterCombination for an instance that a group does not take: a burstable type, or another zone, in a cluster. */
export function requireSuitable(
  { store, instanceTypes }: Domain,
  { id, name, strategy }: PlacementGroupRecord,
  instance: { readonly instanceType: string; readonly availabilityZone: string },
): void {
  if (strategy !== 'cluster') return
  if (instanceTypes.get(instance.instanceType).isBurstable) {
    throw invalidParameterCombination(
      `Cluster placement groups are not supported by the '${instance.instanceType}' instance type. Specify a supported instance type or change the placement group strategy, and try again.`,
    )
  }
  const other = membersOf(store, id).find(({ availabilityZone }) => availabilityZone !== instance.availabilityZone)
  if (!other) return
  throw invalidParameterCombination(
    `The cluster placement group '${name}' is in ${other.availabilityZone} and cannot have instances in ${instance.availabilityZone}.`,
  )
}

/** How many more instances may run in a group's zone. */
export function countFittingInGroup(
  store: Store,
  { id, strategy }: PlacementGroupRecord,
  availabilityZone: string,
): number {
  if (strategy !== 'spread') return Number.POSITIVE_INFINITY
  const running = membersOf(store, id).filter(
    (member) => member.availabilityZone === availabilityZone && member.state !== 'stopped',
  )
  return Math.max(0, maximumSpread - running.length)
}

/** What EC2 answers when a spread group has no hardware left that none of its instances is on. */
export function spreadIsFull({ name }: PlacementGroupRecord, availabilityZone: string): Ec2Error {
  return insufficientInstanceCapacity(
    `The spread placement group '${name}' has at most ${maximumSpread} running instances in ${availabilityZone}: stop some, or use another zone or group.`,
  )
}

/** Where one more instance of a group is put: in the partition that was chosen, else in the emptiest. */
export function placeInGroup(store: Store, { group, partitionNumber }: ChosenPlacementGroup): InstancePlacement {
  const placement = { groupId: group.id, groupName: group.name }
  if (group.partitionCount === undefined) return placement
  if (partitionNumber !== undefined) return { ...placement, partitionNumber }
  const counts = Array.from({ length: group.partitionCount }, () => 0)
  for (const member of membersOf(store, group.id)) {
    const index = (member.placement?.partitionNumber ?? 0) - 1
    if (counts[index] !== undefined) counts[index]++
  }
  return { ...placement, partitionNumber: counts.indexOf(Math.min(...counts)) + 1 }
}

function membersOf(store: Store, groupId: string): InstanceRecord[] {
  return store.instances.listBy('placement.groupId', groupId).filter(({ state }) => state !== 'terminated')
}
