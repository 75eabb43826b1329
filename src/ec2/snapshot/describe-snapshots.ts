import type { Domain } from '../domain.ts'
import { selectRecords } from '../describe.ts'
import { defineFilters, type FilterSet } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Scope, Store } from '../ports/store.ts'
import { requireAccounts } from '../sharing.ts'
import { describeSnapshot, progressOf } from './describe-snapshot.ts'
import type { SnapshotRecord } from './snapshot.ts'
import { tierOf } from './tiering.ts'
import { isPublicSnapshot, visibleSnapshots } from './visible-snapshot.ts'

/** DescribeSnapshots: the caller's snapshots and those that it may make volumes of. */
export function describeSnapshots({ store }: Domain): Ec2Query<'DescribeSnapshots'> {
  return {
    kind: 'query',
    parameters: ['SnapshotIds', 'Filters', 'OwnerIds', 'RestorableByUserIds', 'MaxResults', 'NextToken'],
    filters: snapshotFilters(store, { accountId: '' }).names,
    answer: (context, input) => {
      requireAccounts(input.OwnerIds, ['self', 'amazon'])
      requireAccounts(input.RestorableByUserIds, ['self', 'all'])
      const { accountId } = context
      const source = {
        collection: visibleSnapshots(store),
        prefix: 'snap' as const,
        idParameter: 'snapshotIds',
        filters: snapshotFilters(store, context),
      }
      const page = selectRecords(source, context, {
        ...input,
        ids: input.SnapshotIds,
        where: (snapshot) =>
          isOwnedBy(snapshot, accountId, input.OwnerIds) &&
          isRestorableBy(store, snapshot, accountId, input.RestorableByUserIds),
      })
      return {
        Snapshots: page.records.map((snapshot) => ({
          ...describeSnapshot({ store }, snapshot),
          ...(snapshot.accountId === accountId ? {} : { Tags: [] }),
        })),
        ...page.token,
      }
    },
  }
}

/** Tags are those that the caller has given, to snapshots of its own. */
function snapshotFilters(store: Store, { accountId }: Pick<Scope, 'accountId'>): FilterSet<SnapshotRecord> {
  return defineFilters(
    {
      description: ({ description }) => description,
      encrypted: ({ encryptionKeyId }) => encryptionKeyId !== undefined,
      'owner-alias': () => undefined,
      'owner-id': ({ accountId: owner }) => owner,
      progress: progressOf,
      'snapshot-id': { read: ({ id }) => id, index: 'id' },
      'start-time': ({ startTime }) => startTime,
      status: ({ state }) => state,
      'storage-tier': tierOf,
      'volume-id': { read: ({ volumeId }) => volumeId, index: 'volumeId' },
      'volume-size': ({ volumeSizeGib }) => volumeSizeGib,
    },
    (snapshot) => (snapshot.accountId === accountId ? store.tags.of(snapshot.id) : []),
  )
}

function isOwnedBy(snapshot: SnapshotRecord, accountId: string, owners: readonly string[] = []): boolean {
  if (owners.length === 0) return true
  return owners.some((owner) => owner === snapshot.accountId || (owner === 'self' && snapshot.accountId === accountId))
}

/** `all` are the public ones; an account has explicit permission, or is the owner. */
function isRestorableBy(
  store: Store,
  snapshot: SnapshotRecord,
  accountId: string,
  users: readonly string[] = [],
): boolean {
  if (users.length === 0) return true
  return users.some((user) => {
    if (user === 'all') return isPublicSnapshot(store, snapshot)
    const wanted = user === 'self' ? accountId : user
    return snapshot.accountId === wanted || snapshot.sharing?.accountIds.includes(wanted)
  })
}
