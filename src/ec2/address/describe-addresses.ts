import type { Address } from '@aws-sdk/client-ec2'
import { selectRecords, type DescribeSource } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import type { AddressRecord } from './address.ts'
import { findByPublicIp } from './find-address.ts'

export function describeAddresses({ store }: Domain): Ec2Query<'DescribeAddresses'> {
  const source: DescribeSource<AddressRecord> = {
    collection: store.addresses,
    prefix: 'eipalloc',
    idParameter: 'allocationIds',
    filters: defineFilters(
      {
        'allocation-id': { read: ({ id }) => id, index: 'id' },
        'association-id': { read: ({ association }) => association?.id, index: 'association.id' },
        domain: () => 'vpc',
        'instance-id': (address) => instanceIdOf(store, address),
        'network-border-group': ({ region }) => region,
        'network-interface-id': {
          read: ({ association }) => association?.interfaceId,
          index: 'association.interfaceId',
        },
        'network-interface-owner-id': ({ association, accountId }) => (association ? accountId : undefined),
        'private-ip-address': ({ association }) => association?.privateIp,
        'public-ip': { read: ({ publicIp }) => publicIp, index: 'publicIp' },
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['AllocationIds', 'PublicIps', 'Filters'],
    filters: source.filters.names,
    answer: (context, input) => {
      const named = (input.PublicIps ?? []).map((publicIp) => {
        const found = findByPublicIp(store, context, publicIp)
        if (!found) throw new Ec2Error('InvalidAddress.NotFound', `Address '${publicIp.slice(0, 80)}' not found.`)
        return found.id
      })
      const ids = [...(input.AllocationIds ?? []), ...named]
      const { records } = selectRecords(source, context, { ids, Filters: input.Filters })
      return { Addresses: records.map((address) => describeAddress(store, address)) }
    },
  }
}

function instanceIdOf(store: Store, { association }: AddressRecord): string | undefined {
  return association && store.interfaces.find(association.interfaceId)?.attachment?.instanceId
}

function describeAddress(store: Store, address: AddressRecord): Address {
  const { association } = address
  const instanceId = instanceIdOf(store, address)
  return {
    PublicIp: address.publicIp,
    AllocationId: address.id,
    Domain: 'vpc',
    PublicIpv4Pool: 'amazon',
    NetworkBorderGroup: address.region,
    ...(association
      ? {
          AssociationId: association.id,
          NetworkInterfaceId: association.interfaceId,
          NetworkInterfaceOwnerId: address.accountId,
          PrivateIpAddress: association.privateIp,
        }
      : {}),
    ...(instanceId ? { InstanceId: instanceId } : {}),
    Tags: describeTags(store.tags.of(address.id)),
  }
}
