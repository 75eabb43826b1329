import type { Reservation } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import { LazyList } from '../lazy-list.ts'
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
      const reservations = [...byReservation]
      return {
        Reservations: new LazyList(reservations.length, () => describeReservations(domain, reservations)),
        ...page.token,
      }
    },
  }
}

/** Reservations that are described with one reading of what belongs to their instances. */
const reservationsAtOnce = 50

function* describeReservations(
  domain: Domain,
  reservations: readonly (readonly [id: string, instances: readonly InstanceRecord[]])[],
): Generator<Reservation> {
  for (let start = 0; start < reservations.length; start += reservationsAtOnce) {
    const some = reservations.slice(start, start + reservationsAtOnce)
    const ids = some.flatMap(([, instances]) => instances.map(({ id }) => id))
    const ahead = { ...domain, store: readAhead(domain.store, { tagsOf: ids, attachedTo: ids }) }
    for (const [id, instances] of some) yield describeReservation(ahead, id, instances)
  }
}
