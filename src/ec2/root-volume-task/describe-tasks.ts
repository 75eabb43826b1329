import type { ReplaceRootVolumeTask } from '@aws-sdk/client-ec2'
import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import type { RootVolumeTaskRecord } from './root-volume-task.ts'

/** DescribeReplaceRootVolumeTasks: those under way and those that are over. */
export function describeReplaceRootVolumeTasks({ store }: Domain): Ec2Query<'DescribeReplaceRootVolumeTasks'> {
  const source: DescribeSource<RootVolumeTaskRecord> = {
    collection: store.rootVolumeTasks,
    prefix: 'replacevol',
    idParameter: 'replaceRootVolumeTaskIds',
    limits: { minimum: 1, maximum: 50 },
    filters: defineFilters({ 'instance-id': { read: ({ instanceId }) => instanceId, index: 'instanceId' } }),
  }
  return {
    kind: 'query',
    parameters: ['ReplaceRootVolumeTaskIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.ReplaceRootVolumeTaskIds })
      return { ReplaceRootVolumeTasks: page.records.map((task) => describeTask(store, task)), ...page.token }
    },
  }
}

/** A task in EC2's shape, whose times are texts. */
export function describeTask(store: Store, task: RootVolumeTaskRecord): ReplaceRootVolumeTask {
  return {
    ReplaceRootVolumeTaskId: task.id,
    InstanceId: task.instanceId,
    TaskState: task.state,
    StartTime: toSeconds(task.startTime),
    CompleteTime: task.completeTime === undefined ? undefined : toSeconds(task.completeTime),
    Tags: describeTags(store.tags.of(task.id)),
    ImageId: task.imageId,
    SnapshotId: task.snapshotId,
    DeleteReplacedRootVolume: task.deletesReplaced,
  }
}

/** `2026-11-25T12:00:00Z` */
function toSeconds(time: string): string {
  return `${time.slice(0, 19)}Z`
}
