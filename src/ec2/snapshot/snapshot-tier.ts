import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { describeTags } from '../tag/tag.ts'
import type { SnapshotRecord } from './snapshot.ts'
import { describeTiering, tieringStatusOf } from './tiering.ts'

/** DescribeSnapshotTierStatus: of the caller's own snapshots, also those that have never been archived. */
export function describeSnapshotTierStatus({ store, tierWorker }: Domain): Ec2Query<'DescribeSnapshotTierStatus'> {
  const source: DescribeSource<SnapshotRecord> = {
    collection: store.snapshots,
    prefix: 'snap',
    idParameter: 'snapshotIds',
    filters: defineFilters({
      'snapshot-id': { read: ({ id }) => id, index: 'id' },
      'volume-id': { read: ({ volumeId }) => volumeId, index: 'volumeId' },
      'last-tiering-operation': tieringStatusOf,
    }),
  }
  return {
    kind: 'query',
    parameters: ['Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: undefined })
      return {
        SnapshotTierStatuses: page.records.map((snapshot) => ({
          SnapshotId: snapshot.id,
          VolumeId: snapshot.volumeId,
          Status: snapshot.state,
          OwnerId: snapshot.accountId,
          ...describeTiering(snapshot, tierWorker.progressOf(snapshot.id)),
          Tags: describeTags(store.tags.of(snapshot.id)),
        })),
        ...page.token,
      }
    },
  }
}
