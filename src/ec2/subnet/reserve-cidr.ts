import type { SubnetCidrReservation } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { canonicalBlock, containsCidr, isIpv6Block } from '../cidr.ts'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import { defineFilters } from '../filter.ts'
import { findOne, newId } from '../ids.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { describeTags, putTags, readTagSpecifications } from '../tag/tag.ts'
import type { CidrReservationRecord } from './cidr-reservation.ts'
import type { SubnetRecord } from './subnet.ts'

const maximumDescriptionLength = 255

/** CreateSubnetCidrReservation: from now on no address of the range is taken unasked; those in use stay. */
export function createSubnetCidrReservation(domain: Domain): Ec2Mutation<'CreateSubnetCidrReservation'> {
  const { store, random } = domain
  return {
    kind: 'mutation',
    parameters: ['SubnetId', 'Cidr', 'ReservationType', 'Description', 'TagSpecifications'],
    apply: (context, input) => {
      const subnet = findOne('subnet', input.SubnetId ?? '', (id) => store.subnets.get(context, id))
      const { accountId, region } = context
      const { Description: description } = input
      if (description !== undefined && description.length > maximumDescriptionLength) {
        throw invalidParameterValue('description', `${description.slice(0, 80)}…`, 'At most 255 characters.')
      }
      const reservation: CidrReservationRecord = {
        accountId,
        region,
        id: newId('scr', random),
        subnetId: subnet.id,
        cidr: readRange(store, subnet, input.Cidr ?? ''),
        type: input.ReservationType ?? 'explicit',
        ...(description ? { description } : {}),
      }
      const kind = 'subnet-cidr-reservation'
      const tags = readTagSpecifications(input.TagSpecifications, [kind]).get(kind) ?? []
      store.cidrReservations.insert(reservation)
      putTags(store, context, reservation.id, kind, tags)
      return { SubnetCidrReservation: describeReservation(store, reservation) }
    },
  }
}

/** A range inside the subnet that no other reservation touches, in canonical form. */
function readRange(store: Store, { id, cidr: ipv4Cidr, ipv6 }: SubnetRecord, text: string): string {
  const range = canonicalBlock(text)
  if (range === undefined) throw invalidParameterValue('cidr', text.slice(0, 80), 'Expecting a CIDR block.')
  const whole = isIpv6Block(range) ? ipv6?.cidr : ipv4Cidr
  if (whole === undefined) {
    throw invalidParameterValue('cidr', text.slice(0, 80), `The subnet ${id} has no IPv6 CIDR block.`)
  }
  if (!containsCidr(whole, range)) {
    throw invalidParameterValue('cidr', text.slice(0, 80), `It does not lie within the subnet's range ${whole}.`)
  }
  const reserved = store.cidrReservations.listBy('subnetId', id)
  if (reserved.some(({ cidr }) => containsCidr(cidr, range) || containsCidr(range, cidr))) {
    // As EC2 words it (hashicorp/terraform-provider-aws#45304).
    throw new Ec2Error(
      'InvalidParameterValue',
      `Reservation CIDR ${range} has overlap with existing reserved CIDR block`,
    )
  }
  return range
}

export function getSubnetCidrReservations({ store }: Domain): Ec2Query<'GetSubnetCidrReservations'> {
  const source: DescribeSource<CidrReservationRecord> = {
    collection: store.cidrReservations,
    prefix: 'scr',
    idParameter: 'subnetCidrReservationIds',
    filters: defineFilters(
      {
        reservationType: ({ type }) => type,
        'subnet-id': { read: ({ subnetId }) => subnetId, index: 'subnetId' },
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['SubnetId', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const subnet = findOne('subnet', input.SubnetId ?? '', (id) => store.subnets.get(context, id))
      const own = { Name: 'subnet-id', Values: [subnet.id] }
      const page = selectRecords(source, context, {
        ...input,
        ids: undefined,
        Filters: [own, ...(input.Filters ?? [])],
      })
      const describeThose = (isWanted: (record: CidrReservationRecord) => boolean) =>
        page.records.filter(isWanted).map((record) => describeReservation(store, record))
      return {
        SubnetIpv4CidrReservations: describeThose(({ cidr }) => !isIpv6Block(cidr)),
        SubnetIpv6CidrReservations: describeThose(({ cidr }) => isIpv6Block(cidr)),
        ...page.token,
      }
    },
  }
}

export function deleteSubnetCidrReservation({ store }: Domain): Ec2Mutation<'DeleteSubnetCidrReservation'> {
  return {
    kind: 'mutation',
    parameters: ['SubnetCidrReservationId'],
    apply: (context, input) => {
      const id = input.SubnetCidrReservationId ?? ''
      const reservation = findOne('scr', id, (known) => store.cidrReservations.get(context, known))
      const told = describeReservation(store, reservation)
      removeReservation(store, reservation.id)
      return { DeletedSubnetCidrReservation: told }
    },
  }
}

/** The reservations of a subnet go with it. */
export function removeReservationsOf(store: Store, subnetId: string): void {
  for (const { id } of store.cidrReservations.listBy('subnetId', subnetId)) removeReservation(store, id)
}

function removeReservation(store: Store, id: string): void {
  store.cidrReservations.remove(id)
  store.tags.removeAll(id)
}

function describeReservation(store: Store, record: CidrReservationRecord): SubnetCidrReservation {
  return {
    SubnetCidrReservationId: record.id,
    SubnetId: record.subnetId,
    Cidr: record.cidr,
    ReservationType: record.type,
    OwnerId: record.accountId,
    ...(record.description === undefined ? {} : { Description: record.description }),
    Tags: describeTags(store.tags.of(record.id)),
  }
}
