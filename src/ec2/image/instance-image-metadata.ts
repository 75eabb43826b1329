import type { InstanceImageMetadata } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { selectRecords } from '../describe.ts'
import { defineFilters, type FilterSet } from '../filter.ts'
import { describeState } from '../instance/describe-instance.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import type { CallContext, Ec2Query } from '../operation.ts'
import { describeTags } from '../tag/tag.ts'
import { type ImageAllowance, readImageAllowance } from './allowed-images.ts'
import { ownerAliasOf } from './image-category.ts'
import { deprecationTimeOf } from './image-deprecation.ts'

/** DescribeInstanceImageMetadata: the caller's instances with what is known of their images, the deregistered ones included. */
export function describeInstanceImageMetadata(domain: Domain): Ec2Query<'DescribeInstanceImageMetadata'> {
  const { store } = domain
  const nobody = { accountId: '', region: '', requestId: '', now: new Date(0) }
  return {
    kind: 'query',
    parameters: ['InstanceIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: metadataFilters(domain, readImageAllowance(domain, nobody)).names,
    answer: (context, input) => {
      const allowance = readImageAllowance(domain, context)
      const source = {
        collection: store.instances,
        prefix: 'i' as const,
        idParameter: 'instanceIds',
        limits: { minimum: 1, maximum: 1000 },
        filters: metadataFilters(domain, allowance),
      }
      const page = selectRecords(source, context, { ...input, ids: input.InstanceIds })
      return {
        InstanceImageMetadata: page.records.map((instance) => describeOne(domain, context, allowance, instance)),
        ...page.token,
      }
    },
  }
}

function metadataFilters(domain: Domain, allowance: ImageAllowance): FilterSet<InstanceRecord> {
  const { store, regions } = domain
  const zoneIdOf = ({ region, availabilityZone }: InstanceRecord) =>
    regions.get(region)?.zones.find(({ name }) => name === availabilityZone)?.id
  return defineFilters(
    {
      'availability-zone': ({ availabilityZone }) => availabilityZone,
      'availability-zone-id': zoneIdOf,
      'image-allowed': ({ imageId }) => {
        const image = store.images.find(imageId)
        return image && allowance.isAllowed(image)
      },
      'instance-state-name': ({ state }) => state,
      'instance-type': ({ instanceType }) => instanceType,
      'launch-time': ({ launchTime }) => launchTime,
      'owner-alias': ({ imageId }) => {
        const image = store.images.find(imageId)
        return image && ownerAliasOf(domain, image)
      },
      'owner-id': ({ accountId }) => accountId,
      'zone-id': zoneIdOf,
    },
    ({ id }) => store.tags.of(id),
  )
}

function describeOne(
  domain: Domain,
  context: CallContext,
  allowance: ImageAllowance,
  instance: InstanceRecord,
): InstanceImageMetadata {
  const { store, regions } = domain
  const image = store.images.find(instance.imageId)
  return {
    InstanceId: instance.id,
    InstanceType: instance.instanceType as 't3.micro',
    LaunchTime: new Date(instance.launchTime),
    AvailabilityZone: instance.availabilityZone,
    ZoneId: regions.get(context.region)?.zones.find(({ name }) => name === instance.availabilityZone)?.id,
    State: describeState(instance.state),
    OwnerId: instance.accountId,
    Tags: describeTags(store.tags.of(instance.id)),
    ImageMetadata: image
      ? {
          ImageId: image.id,
          Name: image.name,
          OwnerId: image.accountId,
          ImageOwnerAlias: ownerAliasOf(domain, image),
          State: image.state,
          CreationDate: image.creationDate,
          DeprecationTime: deprecationTimeOf(image),
          ImageAllowed: allowance.isAllowed(image),
          IsPublic: image.sharing?.isPublic ?? false,
        }
      : { ImageId: instance.imageId, State: 'deregistered' },
    Operator: { Managed: false },
  }
}
