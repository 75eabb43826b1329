import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { describeTags } from '../tag/tag.ts'
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
        progress: () => '100%',
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
        Snapshots: page.records.map((snapshot) => ({
          SnapshotId: snapshot.id,
          OwnerId: snapshot.accountId,
          VolumeId: snapshot.volumeId,
          VolumeSize: snapshot.volumeSizeGib,
          FullSnapshotSizeInBytes: store.layers.find(snapshot.layerId)?.fileSizeBytes,
          State: snapshot.state,
          Progress: '100%',
          StartTime: new Date(snapshot.startTime),
          CompletionTime: new Date(snapshot.startTime),
          Description: snapshot.description,
          Encrypted: false,
          StorageTier: 'standard' as const,
          Tags: describeTags(store.tags.of(snapshot.id)),
        })),
        ...page.token,
      }
    },
  }
}
