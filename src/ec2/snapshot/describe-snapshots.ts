import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { describeSnapshot, progressOf } from './describe-snapshot.ts'
import type { SnapshotRecord } from './snapshot.ts'

export function describeSnapshots({ store }: Domain): Ec2Query<'DescribeSnapshots'> {
  const source: DescribeSource<SnapshotRecord> = {
    collection: store.snapshots,
    prefix: 'snap',
    idParameter: 'snapshotIds',
    filters: defineFilters(
      {
        description: ({ description }) => description,
        encrypted: () => false,
        'owner-id': ({ accountId }) => accountId,
        progress: progressOf,
        'snapshot-id': { read: ({ id }) => id, index: 'id' },
        'start-time': ({ startTime }) => startTime,
        status: ({ state }) => state,
        'storage-tier': () => 'standard',
        'volume-id': { read: ({ volumeId }) => volumeId, index: 'volumeId' },
        'volume-size': ({ volumeSizeGib }) => volumeSizeGib,
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['SnapshotIds', 'Filters', 'OwnerIds', 'RestorableByUserIds', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const isNamed = (names: readonly string[] = [], { accountId }: SnapshotRecord) =>
        names.length === 0 || names.includes(accountId) || names.includes('self')
      const page = selectRecords(source, context, {
        ...input,
        ids: input.SnapshotIds,
        where: (snapshot) => isNamed(input.OwnerIds, snapshot) && isNamed(input.RestorableByUserIds, snapshot),
      })
      return {
        Snapshots: page.records.map((snapshot) => describeSnapshot({ store }, snapshot)),
        ...page.token,
      }
    },
  }
}
