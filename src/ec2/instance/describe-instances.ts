import type { Reservation } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRows } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import { LazyList } from '../lazy-list.ts'
import type { Ec2Query } from '../operation.ts'
import type { RowPage } from '../page.ts'
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
      const { rows, token } = selectRows(source, context, { ...input, ids: input.InstanceIds })
      const ordered = input.InstanceIds?.length ? gatherReservations(rows) : rows
      return { Reservations: new LazyList(rows.length, () => describeReservations(domain, ordered)), ...token }
    },
  }
}

type Row = RowPage<InstanceRecord>['rows'][number]

/** Instances that were asked for by their ids, those of a reservation one after the other, as they are in the order of creation. */
function gatherReservations(rows: readonly Row[]): Row[] {
  const records = rows.map(({ record }) => record)
  return [...groupByReservation(records).values()].flat().map((record) => ({ record }))
}

/** So many instances, or one reservation, are described with one reading of what belongs to them. */
const instancesAtOnce = 50

function* describeReservations(domain: Domain, rows: readonly Row[]): Generator<Reservation> {
  let some: InstanceRecord[] = []
  for (const { record } of rows) {
    if (some.length >= instancesAtOnce && some.at(-1)?.reservationId !== record.reservationId) {
      yield* describeWholeReservations(domain, some)
      some = []
    }
    some.push(record)
  }
  yield* describeWholeReservations(domain, some)
}

function* describeWholeReservations(domain: Domain, records: readonly InstanceRecord[]): Generator<Reservation> {
  const ids = records.map(({ id }) => id)
  const ahead = { ...domain, store: readAhead(domain.store, { tagsOf: ids, attachedTo: ids }) }
  for (const [id, instances] of groupByReservation(records)) yield describeReservation(ahead, id, instances)
}

function groupByReservation(records: readonly InstanceRecord[]): Map<string, InstanceRecord[]> {
  const groups = new Map<string, InstanceRecord[]>()
  for (const record of records) {
    const others = groups.get(record.reservationId)
    if (others) others.push(record)
    else groups.set(record.reservationId, [record])
  }
  return groups
}
