import type { DescribeFastLaunchImagesSuccessItem } from '@aws-sdk/client-ec2'
import { selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import { findAll } from '../ids.ts'
import { visibleImages } from '../image/visible-image.ts'
import type { Ec2Query } from '../operation.ts'
import { refusePagingWithIds } from '../page.ts'
import type { FastLaunchRecord } from './fast-launch.ts'

const resourceType = 'snapshot'

/** DescribeFastLaunchImages: those of the caller's images whose Fast Launch is on, or on its way. */
export function describeFastLaunchImages(domain: Domain): Ec2Query<'DescribeFastLaunchImages'> {
  const { store } = domain
  const filters = defineFilters<FastLaunchRecord>({
    'launch-template': ({ launchTemplate: template }) => [template?.id, template?.name],
    'owner-id': ({ accountId }) => accountId,
    'resource-type': () => resourceType,
    state: ({ state }) => state,
  })
  return {
    kind: 'query',
    parameters: ['ImageIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: filters.names,
    answer: (context, input) => {
      const { ImageIds: ids = [] } = input
      refusePagingWithIds('imageIds', ids, input)
      // An id of an image without Fast Launch is no error: the answer leaves it out.
      findAll('ami', ids, (id) => visibleImages(store).get(context, id))
      const source = {
        collection: store.fastLaunches,
        prefix: 'ami' as const,
        idParameter: 'imageIds',
        filters,
        limits: { minimum: 1, maximum: 200 },
      }
      const { records, token } = selectRecords(source, context, {
        ids: undefined,
        Filters: input.Filters,
        ...(input.MaxResults === undefined ? {} : { MaxResults: input.MaxResults }),
        ...(input.NextToken === undefined ? {} : { NextToken: input.NextToken }),
        ...(ids.length === 0
          ? {}
          : { where: ({ id }: FastLaunchRecord) => ids.includes(id), among: { kind: 'ids', ids } as const }),
      })
      return { FastLaunchImages: records.map(describeFastLaunch), ...token }
    },
  }
}

/** In EC2's shape. */
export function describeFastLaunch(record: FastLaunchRecord): DescribeFastLaunchImagesSuccessItem {
  const { launchTemplate, targetResourceCount: count } = record
  return {
    ImageId: record.id,
    ResourceType: resourceType,
    SnapshotConfiguration: count === undefined ? {} : { TargetResourceCount: count },
    LaunchTemplate: launchTemplate
      ? {
          LaunchTemplateId: launchTemplate.id,
          ...(launchTemplate.name === undefined ? {} : { LaunchTemplateName: launchTemplate.name }),
          Version: launchTemplate.version,
        }
      : {},
    MaxParallelLaunches: record.maxParallelLaunches,
    OwnerId: record.accountId,
    State: record.state,
    StateTransitionReason: record.stateReason,
    StateTransitionTime: new Date(record.stateTime),
  }
}
