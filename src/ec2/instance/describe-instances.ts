import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { readAhead } from '../read-ahead.ts'
import { describeReservation } from './describe-instance.ts'
import type { InstanceRecord } from './instance.ts'
import { instanceFilters } from './instance-filters.ts'

/** DescribeInstances: instances by their reservations. */
export function describeInstances(domain: Domain): Ec2Query<'DescribeInstances'> {
  const { store } = domain
  const source: DescribeSource<InstanceRecord> = {
    collection: store.instances,
    prefix: 'i',
    idParameter: 'instancesSet',
    filters: defineFilters(instanceFilters(domain), ({ id }) => store.tags.of(id)),
  }
  return {
    kind: 'query',
    parameters: ['InstanceIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.InstanceIds })
      const byReservation = new Map<string, InstanceRecord[]>()
      for (const record of page.records) {
        const others = byReservation.get(record.reservationId)
        if (others) others.push(record)
        else byReservation.set(record.reservationId, [record])
      }
      const ids = page.records.map(({ id }) => id)
      const ahead = { ...domain, store: readAhead(store, { tagsOf: ids, attachedTo: ids }) }
      return {
        Reservations: [...byReservation].map(([id, instances]) => describeReservation(ahead, id, instances)),
        ...page.token,
      }
    },
  }
}
