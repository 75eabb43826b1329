import type { CreatePlacementGroupRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { newId } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { describePlacementGroup, findGroupByName, lookUpName, type PlacementGroupRecord } from './placement-group.ts'

const operation = 'CreatePlacementGroup'
const maximumNameLength = 255
/** EC2's limit and default ("Placement strategies"). */
const maximumPartitions = 7
const defaultPartitions = 2

export function createPlacementGroup(domain: Domain): Ec2Mutation<'CreatePlacementGroup'> {
  const { store, random, settings } = domain
  return {
    kind: 'mutation',
    parameters: ['GroupName', 'Strategy', 'PartitionCount', 'SpreadLevel', 'TagSpecifications'],
    apply: (context, input) => {
      const name = readName(input.GroupName)
      const shape = readShape(input)
      if (lookUpName(store, context, name)) {
        throw new Ec2Error('InvalidPlacementGroup.Duplicate', `The Placement Group '${name}' already exists.`)
      }
      requireQuota(settings.quotas, 'placementGroups', {
        present: store.placementGroups.count(context),
        code: 'PlacementGroupLimitExceeded',
      })
      const tags = readTagSpecifications(input.TagSpecifications, ['placement-group'])
      const { accountId, region } = context
      const group: PlacementGroupRecord = { accountId, region, id: newId('pg', random), name, ...shape }
      store.placementGroups.insert(group)
      putTags(store, context, group.id, 'placement-group', tags.get('placement-group') ?? [])
      return { PlacementGroup: describePlacementGroup(store, group) }
    },
  }
}

function readName(name: string | undefined): string {
  if (!name) throw missingParameter('GroupName')
  if (name.length <= maximumNameLength && /^[\x20-\x7e]+$/.test(name)) return name
  throw invalidParameterValue('groupName', name.slice(0, 80), `Expected up to ${maximumNameLength} ASCII characters.`)
}

function readShape(input: CreatePlacementGroupRequest): Pick<PlacementGroupRecord, 'strategy' | 'partitionCount'> {
  const { Strategy: strategy = 'cluster', PartitionCount: partitionCount, SpreadLevel: spreadLevel } = input
  requireOneOf(operation, 'Strategy', strategy, ['cluster', 'spread', 'partition'])
  if (strategy !== 'spread' && spreadLevel !== undefined) {
    throw invalidParameterCombination("SpreadLevel can only be specified when the strategy is set to 'spread'.")
  }
  requireOneOf(operation, 'SpreadLevel', spreadLevel, ['rack'])
  if (strategy !== 'partition') {
    if (partitionCount === undefined) return { strategy: strategy as 'cluster' | 'spread' }
    throw invalidParameterCombination("PartitionCount can only be specified when the strategy is set to 'partition'.")
  }
  const count = partitionCount ?? defaultPartitions
  if (count >= 1 && count <= maximumPartitions) return { strategy, partitionCount: count }
  throw invalidParameterValue('partitionCount', count, `Expected 1 to ${maximumPartitions}.`)
}

/** DeletePlacementGroup: refused while an instance that is not terminated is in it. */
export function deletePlacementGroup({ store }: Domain): Ec2Mutation<'DeletePlacementGroup'> {
  return {
    kind: 'mutation',
    parameters: ['GroupName'],
    apply: (context, input) => {
      const { id, name } = findGroupByName(store, context, input.GroupName ?? '')
      if (store.instances.listBy('placement.groupId', id).some(({ state }) => state !== 'terminated')) {
        throw new Ec2Error(
          'InvalidPlacementGroup.InUse',
          `The placement group '${name}' is in use and may not be deleted.`,
        )
      }
      store.placementGroups.remove(id)
      store.tags.removeAll(id)
      return {}
    },
  }
}
