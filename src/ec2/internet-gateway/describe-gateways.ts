import type { InternetGateway } from '@aws-sdk/client-ec2'
import { selectRecords, type DescribeSource } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import type { InternetGatewayRecord } from './internet-gateway.ts'

export function describeInternetGateways({ store }: Domain): Ec2Query<'DescribeInternetGateways'> {
  const source: DescribeSource<InternetGatewayRecord> = {
    collection: store.internetGateways,
    prefix: 'igw',
    idParameter: 'internetGatewayIds',
    filters: defineFilters(
      {
        'attachment.state': ({ vpcId }) => (vpcId ? 'available' : undefined),
        'attachment.vpc-id': { read: ({ vpcId }) => vpcId, index: 'vpcId' },
        'internet-gateway-id': { read: ({ id }) => id, index: 'id' },
        'owner-id': ({ accountId }) => accountId,
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['InternetGatewayIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.InternetGatewayIds })
      return { InternetGateways: page.records.map((gateway) => describeGateway(store, gateway)), ...page.token }
    },
  }
}

/** A gateway in EC2's shape, whose attachments are `available`, not `attached`. */
export function describeGateway(store: Store, { id, accountId, vpcId }: InternetGatewayRecord): InternetGateway {
  return {
    InternetGatewayId: id,
    OwnerId: accountId,
    Attachments: vpcId ? [{ State: 'available' as 'attached', VpcId: vpcId }] : [],
    Tags: describeTags(store.tags.of(id)),
  }
}
