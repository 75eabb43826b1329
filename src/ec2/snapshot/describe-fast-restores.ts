import type { DescribeFastSnapshotRestoreSuccessItem } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { applyFilters, defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { takePage } from '../page.ts'
import { describeFastRestorePlace, listFastRestores, zonesOf } from './fast-restore.ts'
import { visibleSnapshots } from './visible-snapshot.ts'

export function describeFastSnapshotRestores(domain: Domain): Ec2Query<'DescribeFastSnapshotRestores'> {
  const filters = defineFilters<DescribeFastSnapshotRestoreSuccessItem>({
    'availability-zone': ({ AvailabilityZone: name }) => name,
    'availability-zone-id': ({ AvailabilityZoneId: id }) => id,
    'owner-id': ({ OwnerId: ownerId }) => ownerId,
    'snapshot-id': ({ SnapshotId: id }) => id,
    state: ({ State: state }) => state,
  })
  return {
    kind: 'query',
    parameters: ['Filters', 'MaxResults', 'NextToken'],
    filters: filters.names,
    isRecordOnly: true,
    answer: (context, input) => {
      const zones = zonesOf(domain, context)
      const all = listFastRestores(domain, context).flatMap((entry): DescribeFastSnapshotRestoreSuccessItem[] => {
        const snapshot = visibleSnapshots(domain.store).get(context, entry.snapshotId)
        const zone = zones.find(({ name }) => name === entry.zoneName)
        if (!snapshot || !zone) return []
        const time = new Date(entry.enabledAt)
        return [
          {
            ...describeFastRestorePlace(context, snapshot, zone),
            State: 'enabled',
            StateTransitionReason: 'Client.UserInitiated - Lifecycle state transition',
            EnablingTime: time,
            OptimizingTime: time,
            EnabledTime: time,
          },
        ]
      })
      const page = takePage(
        applyFilters(all, input.Filters, filters),
        input,
        ({ SnapshotId: id = '', AvailabilityZone: zone = '' }) => `${id} ${zone}`,
        { minimum: 1, maximum: 200 },
      )
      return { FastSnapshotRestores: page.records, ...page.token }
    },
  }
}
