import type { PlacementGroup } from '@aws-sdk/client-ec2'
import { Ec2Error, invalidParameterCombination } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { ResourceRecord, Scope, Store } from '../ports/store.ts'
import { partitionOf } from '../region/region.ts'
import { describeTags } from '../tag/tag.ts'

/** A placement group: how its instances are spread. A name is there once in an account's region. */
export interface PlacementGroupRecord extends ResourceRecord {
  readonly name: string
  readonly strategy: 'cluster' | 'spread' | 'partition'
  /** Of a group of partitions. */
  readonly partitionCount?: number
}

/** The caller's group of that name. Throws InvalidPlacementGroup.Unknown. */
export function findGroupByName(store: Store, scope: Scope, name: string): PlacementGroupRecord {
  const found = lookUpName(store, scope, name)
  if (found) return found
  throw new Ec2Error('InvalidPlacementGroup.Unknown', `The Placement Group '${name.slice(0, 255)}' is unknown.`)
}

/** As findGroupByName; undefined when there is none. */
export function lookUpName(store: Store, scope: Scope, name: string): PlacementGroupRecord | undefined {
  return store.placementGroups
    .listBy('name', name)
    .find(({ accountId, region }) => accountId === scope.accountId && region === scope.region)
}

/** The group that a request names by id or by name; undefined when it names none. Throws as EC2 for one that is not there. */
export function findPlacementGroup(
  store: Store,
  scope: Scope,
  { GroupId: id, GroupName: name }: { GroupId?: string | undefined; GroupName?: string | undefined },
): PlacementGroupRecord | undefined {
  if (id && name) throw invalidParameterCombination('The parameters GroupName and GroupId may not be used together')
  if (id) return findOne('pg', id, (known) => store.placementGroups.get(scope, known))
  return name ? findGroupByName(store, scope, name) : undefined
}

/** A group in EC2's shape. */
export function describePlacementGroup(store: Store, group: PlacementGroupRecord): PlacementGroup {
  return {
    GroupName: group.name,
    State: 'available',
    Strategy: group.strategy,
    ...(group.partitionCount === undefined ? {} : { PartitionCount: group.partitionCount }),
    GroupId: group.id,
    Tags: describeTags(store.tags.of(group.id)),
    GroupArn: groupArn(group),
    // There are no Outposts, and everywhere else EC2 spreads over racks.
    ...(group.strategy === 'spread' ? { SpreadLevel: 'rack' as const } : {}),
    Operator: { Managed: false },
  }
}

export function groupArn({ accountId, region, name }: PlacementGroupRecord): string {
  return `arn:${partitionOf(region)}:ec2:${region}:${accountId}:placement-group/${name}`
}
