import { selectRecords, type DescribeSource } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { describeOptions } from './create-options.ts'
import type { DhcpOptionsRecord } from './dhcp-options.ts'

export function describeDhcpOptions({ store }: Domain): Ec2Query<'DescribeDhcpOptions'> {
  const source: DescribeSource<DhcpOptionsRecord> = {
    collection: store.dhcpOptions,
    prefix: 'dopt',
    idParameter: 'dhcpOptionsIds',
    filters: defineFilters(
      {
        'dhcp-options-id': { read: ({ id }) => id, index: 'id' },
        key: ({ configurations }) => configurations.map(({ key }) => key),
        'owner-id': ({ accountId }) => accountId,
        value: ({ configurations }) => configurations.flatMap(({ values }) => values),
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['DhcpOptionsIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.DhcpOptionsIds })
      return { DhcpOptions: page.records.map((options) => describeOptions(store, options)), ...page.token }
    },
  }
}
