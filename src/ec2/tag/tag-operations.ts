import type { Domain } from '../domain.ts'
import { invalidParameterValue, missingParameter } from '../errors.ts'
import { readFastLaunchTag } from '../fast-launch/fast-launch-tag.ts'
import { candidatesOf, compileFilters, defineFilters } from '../filter.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import { bridgeTag } from '../instance/bridge-tag.ts'
import { readBridges } from '../instance/bridged-device.ts'
import { requireServableKeys } from '../instance/metadata-tag.ts'
import { readPage } from '../page.ts'
import type { TaggedResource } from '../ports/store.ts'
import { isReservedKey, putTags, readTags, requireOwnKey } from './tag.ts'
import { requireTaggable } from './taggable.ts'

/** EC2 takes up to a thousand ids a call. */
const maximumResources = 1000

function readResources(ids: readonly string[] = []): readonly string[] {
  if (ids.length === 0) throw missingParameter('ResourceId')
  if (ids.length <= maximumResources) return ids
  throw invalidParameterValue('resourceId', ids.length, `At most ${maximumResources} resources.`)
}

export function createTags({ store, networks }: Domain): Ec2Mutation<'CreateTags'> {
  return {
    kind: 'mutation',
    parameters: ['Resources', 'Tags'],
    apply: (context, input) => {
      const tags = readTags(input.Tags ?? [])
      if (tags.length === 0) throw missingParameter('Tag')
      const asksForBridge = tags.some(({ key }) => key === bridgeTag)
      for (const id of readResources(input.Resources)) {
        const type = requireTaggable(store, context, id)
        const instance = type === 'instance' ? store.instances.get(context, id) : undefined
        if (instance) requireServableKeys(instance.metadataOptions, tags)
        // In effect with its next start.
        if (instance && asksForBridge) readBridges(networks, tags)
        if (instance) readFastLaunchTag(tags)
        putTags(store, context, id, type, tags)
      }
      return {}
    },
  }
}

/** DeleteTags: no tags named means all of the user's own; a tag with a value goes only when it has that value. */
export function deleteTags({ store }: Domain): Ec2Mutation<'DeleteTags'> {
  return {
    kind: 'mutation',
    parameters: ['Resources', 'Tags'],
    apply: (context, input) => {
      const named = input.Tags?.map(({ Key: key = '', Value: value }) =>
        value === undefined ? { key } : { key, value },
      )
      for (const { key } of named ?? []) requireOwnKey(key)
      for (const id of readResources(input.Resources)) {
        requireTaggable(store, context, id)
        const own = store.tags.of(id, context).filter(({ key }) => !isReservedKey(key))
        store.tags.remove(context, id, named?.length ? named : own)
      }
      return {}
    },
  }
}

export function describeTags({ store }: Domain): Ec2Query<'DescribeTags'> {
  const filters = defineFilters<TaggedResource>(
    {
      key: { read: ({ key }) => key, index: 'key' },
      'resource-id': { read: ({ resourceId }) => resourceId, index: 'resourceId' },
      'resource-type': { read: ({ resourceType }) => resourceType, index: 'resourceType' },
      value: { read: ({ value }) => value, index: 'value' },
    },
    (tag) => [tag],
  )
  return {
    kind: 'query',
    parameters: ['Filters', 'MaxResults', 'NextToken'],
    filters: filters.names,
    answer: (context, input) => {
      const passes = compileFilters(input.Filters, filters)
      const candidates = candidatesOf(input.Filters, filters)
      const page = readPage(store.tags, context, input, (tags) => tags.filter(passes), undefined, candidates)
      return {
        Tags: page.records.map(({ key, value, resourceId, resourceType }) => ({
          Key: key,
          Value: value,
          ResourceId: resourceId,
          ResourceType: resourceType as 'instance',
        })),
        ...page.token,
      }
    },
  }
}
