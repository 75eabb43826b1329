import type { ImageReference, ResourceTypeRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'
import { requireWellFormed } from '../ids.ts'
import { instanceStateCodes } from '../instance/instance.ts'
import { versionsOf } from '../launch-template/launch-template.ts'
import type { CallContext, Ec2Query } from '../operation.ts'
import { takePage } from '../page.ts'

const maximumImages = 10

/** How many of a launch template's newest versions are looked at. */
const defaultVersionDepth = 10
const maximumVersionDepth = 10_000

/** What of each kind of resource counts as a reference; kinds that are not asked for are absent. */
interface ReferenceRequest {
  /** States of the instances that count. */
  readonly instanceStates?: readonly string[]
  readonly versionDepth?: number
}

/** DescribeImageReferences: which of the caller's resources in the region use the images. Image Builder and SSM have none here. */
export function describeImageReferences(domain: Domain): Ec2Query<'DescribeImageReferences'> {
  return {
    kind: 'query',
    parameters: ['ImageIds', 'IncludeAllResourceTypes', 'ResourceTypes', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      const imageIds = readImageIds(input.ImageIds)
      const request = readRequest(input.IncludeAllResourceTypes, input.ResourceTypes ?? [])
      const references = [
        ...instanceReferences(domain, context, imageIds, request),
        ...templateReferences(domain, context, imageIds, request),
      ]
      const page = takePage(references, input, ({ Arn: arn = '', ImageId: id = '' }) => `${arn} ${id}`)
      return { ImageReferences: page.records, ...page.token }
    },
  }
}

function readImageIds(given: readonly string[] = []): ReadonlySet<string> {
  if (given.length === 0) throw missingParameter('ImageId')
  if (given.length > maximumImages) {
    throw invalidParameterValue('imageId', given.length, `At most ${maximumImages} images.`)
  }
  for (const id of given) requireWellFormed('ami', id)
  return new Set(given)
}

function readRequest(isAll: boolean | undefined, types: readonly ResourceTypeRequest[]): ReferenceRequest {
  if (isAll && types.length > 0) {
    throw invalidParameterCombination('IncludeAllResourceTypes cannot be used with ResourceTypes')
  }
  if (isAll) return { instanceStates: Object.keys(instanceStateCodes), versionDepth: defaultVersionDepth }
  if (types.length === 0) throw missingParameter('ResourceTypes or IncludeAllResourceTypes')
  const instances = types.find(({ ResourceType: type }) => type === 'ec2:Instance')
  const templates = types.find(({ ResourceType: type }) => type === 'ec2:LaunchTemplate')
  return {
    ...(instances ? { instanceStates: readStates(instances) } : {}),
    ...(templates ? { versionDepth: readVersionDepth(templates) } : {}),
  }
}

function readVersionDepth(type: ResourceTypeRequest): number {
  const [given] = readOption(type, 'version-depth')
  if (given === undefined) return defaultVersionDepth
  const depth = Number(given)
  if (Number.isInteger(depth) && depth >= 1 && depth <= maximumVersionDepth) return depth
  throw invalidParameterValue('optionValues', given.slice(0, 80), `Expected 1 to ${maximumVersionDepth}.`)
}

function readOption(
  { ResourceType: type, ResourceTypeOptions: options = [] }: ResourceTypeRequest,
  known: string,
): string[] {
  return options.flatMap(({ OptionName: name, OptionValues: values = [] }) => {
    if (name === known) return values
    throw invalidParameterValue('optionName', name, `${type} has the option ${known}.`)
  })
}

function readStates(type: ResourceTypeRequest): readonly string[] {
  const known = Object.keys(instanceStateCodes)
  const given = readOption(type, 'state-name')
  const wrong = given.find((state) => !known.includes(state))
  if (wrong !== undefined) {
    throw invalidParameterValue('optionValues', wrong.slice(0, 80), `Expected ${known.join(', ')}.`)
  }
  return given.length === 0 ? known : given
}

function instanceReferences(
  { store }: Domain,
  context: CallContext,
  imageIds: ReadonlySet<string>,
  { instanceStates = [] }: ReferenceRequest,
): ImageReference[] {
  const { accountId, region } = context
  return [...store.instances.listByEach('imageId', [...imageIds]).values()]
    .flat()
    .filter((instance) => instance.accountId === accountId && instance.region === region)
    .filter(({ state }) => instanceStates.includes(state))
    .map(({ id, imageId }) => ({
      ImageId: imageId,
      ResourceType: 'ec2:Instance',
      Arn: `arn:aws:ec2:${region}:${accountId}:instance/${id}`,
    }))
}

function templateReferences(
  { store }: Domain,
  context: CallContext,
  imageIds: ReadonlySet<string>,
  { versionDepth = 0 }: ReferenceRequest,
): ImageReference[] {
  if (versionDepth === 0) return []
  const { accountId, region } = context
  return store.launchTemplates.list(context).flatMap((template) => {
    const used = versionsOf(store, template)
      .slice(0, versionDepth)
      .flatMap(({ data }) => data.ImageId ?? [])
    return [...new Set(used)]
      .filter((imageId) => imageIds.has(imageId))
      .map((imageId) => ({
        ImageId: imageId,
        ResourceType: 'ec2:LaunchTemplate' as const,
        Arn: `arn:aws:ec2:${region}:${accountId}:launch-template/${template.id}`,
      }))
  })
}
