import type { Domain } from '../domain.ts'
import { selectRecords } from '../describe.ts'
import { defineFilters, type FilterSet } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { describeLock } from './lock-snapshot.ts'
import { lockStateOf } from './snapshot-lock.ts'
import type { SnapshotRecord } from './snapshot.ts'

/** DescribeLockedSnapshots: the caller's snapshots that are or were locked. */
export function describeLockedSnapshots({ store }: Domain): Ec2Query<'DescribeLockedSnapshots'> {
  const filtersAt = (now: Date): FilterSet<SnapshotRecord> =>
    defineFilters({ 'lock-state': ({ lock }) => lock && lockStateOf(lock, now) })
  return {
    kind: 'query',
    parameters: ['SnapshotIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: filtersAt(new Date(0)).names,
    answer: (context, input) => {
      const source = {
        collection: store.snapshots,
        prefix: 'snap' as const,
        idParameter: 'snapshotIds',
        filters: filtersAt(context.now),
      }
      const page = selectRecords(source, context, {
        ...input,
        ids: input.SnapshotIds,
        where: ({ lock }) => lock !== undefined,
      })
      return {
        Snapshots: page.records.flatMap((snapshot) =>
          snapshot.lock ? [describeLock(snapshot, snapshot.lock, context.now)] : [],
        ),
        ...page.token,
      }
    },
  }
}
