import { Ec2Error, invalidParameterValue } from '../errors.ts'
import type { Scope, Store, Tag } from '../ports/store.ts'

/** A tag as clients send it. */
export interface TagInput {
  readonly Key?: string | undefined
  readonly Value?: string | undefined
}

/** `TagSpecification.N` of a creating operation. */
export interface TagSpecificationInput {
  readonly ResourceType?: string | undefined
  readonly Tags?: readonly TagInput[] | undefined
}

const maximumTags = 50
const maximumKeyLength = 128
/** Characters of a tag's value at most. */
export const maximumTagValueLength = 256

/** Checks tags by EC2's rules ("Tag restrictions") and gives them in order. Throws InvalidParameterValue, TagLimitExceeded. */
export function readTags(input: readonly TagInput[]): Tag[] {
  const tags = new Map<string, string>()
  for (const { Key: key = '', Value: value = '' } of input) {
    if (key === '' || lengthOf(key) > maximumKeyLength) {
      throw invalidParameterValue('Tag.Key', key.slice(0, 150), `Tag keys have 1 to ${maximumKeyLength} characters.`)
    }
    if (lengthOf(value) > maximumTagValueLength) {
      throw invalidParameterValue(
        'Tag.Value',
        value.slice(0, 300),
        `Tag values have at most ${maximumTagValueLength} characters.`,
      )
    }
    requireOwnKey(key)
    if (tags.has(key)) throw invalidParameterValue('Tag.Key', key, 'Duplicate tag key specified.')
    tags.set(key, value)
  }
  if (tags.size > maximumTags) throw tagLimitExceeded()
  return [...tags].map(([key, value]) => ({ key, value }))
}

/** Whether a key is EC2's own: such tags are neither put nor taken away by users, and do not count against their fifty. */
export function isReservedKey(key: string): boolean {
  return key.toLowerCase().startsWith('aws:')
}

/** Throws InvalidParameterValue for a key that is EC2's own. */
export function requireOwnKey(key: string): void {
  if (!isReservedKey(key)) return
  throw new Ec2Error('InvalidParameterValue', "Tag keys starting with 'aws:' are reserved for internal use")
}

/** The tags that a creating operation gives to each kind of resource; kinds it does not make are refused. */
export function readTagSpecifications(
  specifications: readonly TagSpecificationInput[] | undefined,
  allowedTypes: readonly string[],
): ReadonlyMap<string, Tag[]> {
  const byType = new Map<string, TagInput[]>()
  for (const { ResourceType: type = '', Tags: tags = [] } of specifications ?? []) {
    if (!allowedTypes.includes(type)) {
      throw invalidParameterValue(
        'TagSpecification.ResourceType',
        type,
        `'${type}' is not a valid taggable resource type for this operation.`,
      )
    }
    byType.set(type, [...(byType.get(type) ?? []), ...tags])
  }
  return new Map([...byType].map(([type, tags]) => [type, readTags(tags)]))
}

/** Adds or overwrites tags of a resource; throws TagLimitExceeded beyond fifty. */
export function putTags(
  store: Store,
  scope: Scope,
  resourceId: string,
  resourceType: string,
  tags: readonly Tag[],
): void {
  const keys = new Set([...store.tags.of(resourceId, scope), ...tags].map(({ key }) => key))
  if ([...keys].filter((key) => !isReservedKey(key)).length > maximumTags) throw tagLimitExceeded()
  store.tags.put(scope, resourceId, resourceType, tags)
}

/** A resource's tags in EC2's shape. */
export function describeTags(tags: readonly Tag[]): { Key: string; Value: string }[] {
  return tags.map(({ key, value }) => ({ Key: key, Value: value }))
}

/** In characters, as EC2 counts. */
function lengthOf(text: string): number {
  return Array.from(text).length
}

function tagLimitExceeded(): Ec2Error {
  return new Ec2Error('TagLimitExceeded', `You have reached the limit of ${maximumTags} tags for a resource.`)
}
