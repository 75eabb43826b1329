import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { describeTags } from '../tag/tag.ts'
import type { SnapshotRecord } from './snapshot.ts'

/** DescribeSnapshotTierStatus: snapshots are not archived as yet, so all of the caller's are in the standard tier. */
export function describeSnapshotTierStatus({ store }: Domain): Ec2Query<'DescribeSnapshotTierStatus'> {
  const source: DescribeSource<SnapshotRecord> = {
    collection: store.snapshots,
    prefix: 'snap',
    idParameter: 'snapshotIds',
    filters: defineFilters({
      'snapshot-id': { read: ({ id }) => id, index: 'id' },
      'volume-id': { read: ({ volumeId }) => volumeId, index: 'volumeId' },
      'last-tiering-operation': () => undefined,
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
          StorageTier: 'standard' as const,
          Tags: describeTags(store.tags.of(snapshot.id)),
        })),
        ...page.token,
      }
    },
  }
}
