import type { AddressAttribute } from '@aws-sdk/client-ec2'
import { selectRecords, type DescribeSource } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { invalidParameterValue, missingParameter } from '../errors.ts'
import { defineFilters } from '../filter.ts'
import { findOne } from '../ids.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import type { AddressRecord } from './address.ts'

/** DescribeAddressesAttribute: the reverse names that were given to addresses. */
export function describeAddressesAttribute({ store }: Domain): Ec2Query<'DescribeAddressesAttribute'> {
  const source: DescribeSource<AddressRecord> = {
    collection: store.addresses,
    prefix: 'eipalloc',
    idParameter: 'allocationIds',
    filters: defineFilters({}),
    limits: { minimum: 1, maximum: 1000 },
  }
  return {
    kind: 'query',
    isRecordOnly: true,
    parameters: ['AllocationIds', 'Attribute', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      const page = selectRecords(source, context, {
        ids: input.AllocationIds,
        MaxResults: input.MaxResults,
        NextToken: input.NextToken,
        where: ({ domainName }) => domainName !== undefined,
      })
      return { Addresses: page.records.map(describeAttribute), ...page.token }
    },
  }
}

export function modifyAddressAttribute({ store }: Domain): Ec2Mutation<'ModifyAddressAttribute'> {
  return {
    kind: 'mutation',
    isRecordOnly: true,
    parameters: ['AllocationId', 'DomainName'],
    apply: (context, input) => {
      const address = findOne('eipalloc', input.AllocationId ?? '', (id) => store.addresses.get(context, id))
      const name = input.DomainName
      if (!name) throw missingParameter('DomainName')
      const isName =
        name.length <= 255 && /^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+[A-Za-z]{2,63}\.?$/.test(name)
      if (!isName) throw invalidParameterValue('domainName', name.slice(0, 80), 'Expected a fully qualified name.')
      const changed = { ...address, domainName: name.endsWith('.') ? name : `${name}.` }
      store.addresses.replace(changed)
      return { Address: describeAttribute(changed) }
    },
  }
}

export function resetAddressAttribute({ store }: Domain): Ec2Mutation<'ResetAddressAttribute'> {
  return {
    kind: 'mutation',
    isRecordOnly: true,
    parameters: ['AllocationId', 'Attribute'],
    apply: (context, input) => {
      const address = findOne('eipalloc', input.AllocationId ?? '', (id) => store.addresses.get(context, id))
      const { domainName: _domainName, ...rest } = address
      store.addresses.replace(rest)
      return { Address: describeAttribute(rest) }
    },
  }
}

function describeAttribute({ id, publicIp, domainName }: AddressRecord): AddressAttribute {
  return { PublicIp: publicIp, AllocationId: id, ...(domainName === undefined ? {} : { PtrRecord: domainName }) }
}
