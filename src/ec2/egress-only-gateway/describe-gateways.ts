import type { EgressOnlyInternetGateway } from '@aws-sdk/client-ec2'
import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import type { EgressOnlyGatewayRecord } from './egress-only-gateway.ts'

/** DescribeEgressOnlyInternetGateways: EC2 filters them by tags alone. */
export function describeEgressOnlyInternetGateways({ store }: Domain): Ec2Query<'DescribeEgressOnlyInternetGateways'> {
  const source: DescribeSource<EgressOnlyGatewayRecord> = {
    collection: store.egressOnlyGateways,
    prefix: 'eigw',
    idParameter: 'egressOnlyInternetGatewayIds',
    filters: defineFilters<EgressOnlyGatewayRecord>({}, ({ id }) => store.tags.of(id)),
    limits: { minimum: 5, maximum: 255 },
  }
  return {
    kind: 'query',
    parameters: ['EgressOnlyInternetGatewayIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.EgressOnlyInternetGatewayIds })
      return {
        EgressOnlyInternetGateways: page.records.map((gateway) => describeGateway(store, gateway)),
        ...page.token,
      }
    },
  }
}

/** A gateway in EC2's shape. */
export function describeGateway(store: Store, { id, vpcId }: EgressOnlyGatewayRecord): EgressOnlyInternetGateway {
  return {
    EgressOnlyInternetGatewayId: id,
    Attachments: [{ State: 'attached', VpcId: vpcId }],
    Tags: describeTags(store.tags.of(id)),
  }
}
