import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue, missingParameter } from '../errors.ts'
import { applyFilters, defineFilters } from '../filter.ts'
import { type IdPrefix, idNotFound, requireWellFormed } from '../ids.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import { readPage } from '../page.ts'
import type { Scope, TaggedResource } from '../ports/store.ts'
import { putTags, readTags } from './tag.ts'

/** The taggable kinds: the word of DescribeTags, and how to see whether one of the caller's has that id. */
function findTaggable(
  { store }: Domain,
  scope: Scope,
  id: string,
): { resourceType: string; isThere: boolean; prefix: IdPrefix } {
  const prefix = id.slice(0, id.lastIndexOf('-'))
  const kinds: Readonly<Record<string, [string, () => unknown]>> = {
    i: ['instance', () => store.instances.get(scope, id)],
    ami: ['image', () => store.images.get(scope, id)],
    snap: ['snapshot', () => store.snapshots.get(scope, id)],
    vol: ['volume', () => store.volumes.get(scope, id)],
    eni: ['network-interface', () => store.interfaces.get(scope, id)],
    sg: ['security-group', () => store.securityGroups.get(scope, id)],
    sgr: [
      'security-group-rule',
      () => store.securityGroups.list(scope).some(({ rules }) => rules.some((rule) => rule.id === id)) || undefined,
    ],
    vpc: ['vpc', () => store.vpcs.get(scope, id)],
    subnet: ['subnet', () => store.subnets.get(scope, id)],
    key: ['key-pair', () => store.keyPairs.get(scope, id)],
  }
  const kind = Object.hasOwn(kinds, prefix) ? kinds[prefix] : undefined
  if (!kind) throw new Ec2Error('InvalidID', `The ID '${id.slice(0, 80)}' is not valid`)
  requireWellFormed(prefix as IdPrefix, id)
  return { resourceType: kind[0], isThere: kind[1]() !== undefined, prefix: prefix as IdPrefix }
}

/** EC2 takes up to a thousand ids a call. */
const maximumResources = 1000

function readResources(ids: readonly string[] = []): readonly string[] {
  if (ids.length === 0) throw missingParameter('ResourceId')
  if (ids.length <= maximumResources) return ids
  throw invalidParameterValue('resourceId', ids.length, `At most ${maximumResources} resources.`)
}

export function createTags(domain: Domain): Ec2Mutation<'CreateTags'> {
  return {
    kind: 'mutation',
    parameters: ['Resources', 'Tags'],
    apply: (context, input) => {
      const tags = readTags(input.Tags ?? [])
      if (tags.length === 0) throw missingParameter('Tag')
      for (const id of readResources(input.Resources)) {
        const { resourceType, isThere, prefix } = findTaggable(domain, context, id)
        if (!isThere) throw idNotFound(prefix, [id])
        putTags(domain.store, context, id, resourceType, tags)
      }
      return {}
    },
  }
}

/** DeleteTags: no tags named means all; a tag with a value goes only when it has that value. */
export function deleteTags(domain: Domain): Ec2Mutation<'DeleteTags'> {
  return {
    kind: 'mutation',
    parameters: ['Resources', 'Tags'],
    apply: (context, input) => {
      for (const id of readResources(input.Resources)) {
        const { isThere, prefix } = findTaggable(domain, context, id)
        if (!isThere) throw idNotFound(prefix, [id])
        if (!input.Tags?.length) domain.store.tags.removeAll(id)
        else {
          domain.store.tags.remove(
            id,
            input.Tags.map(({ Key: key = '', Value: value }) => (value === undefined ? { key } : { key, value })),
          )
        }
      }
      return {}
    },
  }
}

export function describeTags({ store }: Domain): Ec2Query<'DescribeTags'> {
  const filters = defineFilters<TaggedResource>(
    {
      key: ({ key }) => key,
      'resource-id': ({ resourceId }) => resourceId,
      'resource-type': ({ resourceType }) => resourceType,
      value: ({ value }) => value,
    },
    (tag) => [tag],
  )
  return {
    kind: 'query',
    parameters: ['Filters', 'MaxResults', 'NextToken'],
    filters: filters.names,
    answer: (context, input) => {
      const page = readPage(store.tags, context, input, (tags) => applyFilters(tags, input.Filters, filters))
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
