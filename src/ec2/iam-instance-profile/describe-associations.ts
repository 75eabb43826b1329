import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { describeAssociation, type ProfileAssociationRecord } from './association.ts'

export function describeIamInstanceProfileAssociations({
  store,
}: Domain): Ec2Query<'DescribeIamInstanceProfileAssociations'> {
  const source: DescribeSource<ProfileAssociationRecord> = {
    collection: store.profileAssociations,
    prefix: 'iip-assoc',
    idParameter: 'associationIds',
    filters: defineFilters({
      'instance-id': { read: ({ instanceId }) => instanceId, index: 'instanceId' },
      state: () => 'associated',
    }),
  }
  return {
    kind: 'query',
    parameters: ['AssociationIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.AssociationIds })
      return {
        IamInstanceProfileAssociations: page.records.map((record) => describeAssociation(record, 'associated')),
        ...page.token,
      }
    },
  }
}
