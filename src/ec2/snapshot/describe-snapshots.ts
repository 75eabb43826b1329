import type { Domain } from '../domain.ts'
import { applyFilters } from '../filter.ts'
import { findAll } from '../ids.ts'
import type { Ec2Query } from '../operation.ts'
import { refusePagingWithIds, takePage } from '../page.ts'
import { describeTags } from '../tag/tag.ts'

export function describeSnapshots({ store }: Domain): Ec2Query<'DescribeSnapshots'> {
  return {
    kind: 'query',
    parameters: ['SnapshotIds', 'Filters', 'OwnerIds', 'RestorableByUserIds', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      refusePagingWithIds('snapshotIds', input.SnapshotIds, input)
      const known = input.SnapshotIds?.length
        ? findAll('snap', input.SnapshotIds, (id) => store.snapshots.get(context, id))
        : store.snapshots.list(context)
      const owners = input.OwnerIds ?? []
      const owned = known.filter(
        ({ accountId }) => owners.length === 0 || owners.includes(accountId) || owners.includes('self'),
      )
      const matching = applyFilters(
        owned,
        input.Filters,
        {
          description: ({ description }) => description,
          encrypted: () => false,
          'owner-id': ({ accountId }) => accountId,
          progress: () => '100%',
          'snapshot-id': ({ id }) => id,
          'start-time': ({ startTime }) => startTime,
          status: ({ state }) => state,
          'storage-tier': () => 'standard',
          'volume-id': ({ volumeId }) => volumeId,
          'volume-size': ({ volumeSizeGib }) => volumeSizeGib,
        },
        ({ id }) => store.tags.of(id),
      )
      const page = takePage(matching, input, ({ id }) => id)
      return {
        Snapshots: page.records.map((snapshot) => ({
          SnapshotId: snapshot.id,
          OwnerId: snapshot.accountId,
          VolumeId: snapshot.volumeId,
          VolumeSize: snapshot.volumeSizeGib,
          State: snapshot.state,
          Progress: '100%',
          StartTime: new Date(snapshot.startTime),
          CompletionTime: new Date(snapshot.startTime),
          Description: snapshot.description,
          Encrypted: false,
          StorageTier: 'standard' as const,
          Tags: describeTags(store.tags.of(snapshot.id)),
        })),
        ...(page.NextToken ? { NextToken: page.NextToken } : {}),
      }
    },
  }
}
