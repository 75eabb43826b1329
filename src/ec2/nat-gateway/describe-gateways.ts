import type { NatGateway } from '@aws-sdk/client-ec2'
import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import type { NatGatewayRecord } from './nat-gateway.ts'

export function describeNatGateways({ store }: Domain): Ec2Query<'DescribeNatGateways'> {
  const source: DescribeSource<NatGatewayRecord> = {
    collection: store.natGateways,
    prefix: 'nat',
    idParameter: 'natGatewayIds',
    filters: defineFilters(
      {
        'nat-gateway-id': { read: ({ id }) => id, index: 'id' },
        state: { read: ({ state }) => state, index: 'state' },
        'subnet-id': { read: ({ subnetId }) => subnetId, index: 'subnetId' },
        'vpc-id': { read: ({ vpcId }) => vpcId, index: 'vpcId' },
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    // The model calls the list of filters `Filter`.
    parameters: ['NatGatewayIds', 'Filter', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.NatGatewayIds, Filters: input.Filter })
      return { NatGateways: page.records.map((gateway) => describeNatGateway(store, gateway)), ...page.token }
    },
  }
}

/** A NAT gateway in EC2's shape. */
export function describeNatGateway(store: Store, gateway: NatGatewayRecord): NatGateway {
  const { id, vpcId, subnetId, state, connectivity, interfaceId, privateIp, elasticIp, failure } = gateway
  return {
    NatGatewayId: id,
    VpcId: vpcId,
    SubnetId: subnetId,
    State: state,
    ConnectivityType: connectivity,
    AvailabilityMode: 'zonal',
    CreateTime: new Date(gateway.createTime),
    ...(gateway.deleteTime ? { DeleteTime: new Date(gateway.deleteTime) } : {}),
    ...(failure ? { FailureCode: failure.code, FailureMessage: failure.message } : {}),
    NatGatewayAddresses: [
      {
        NetworkInterfaceId: interfaceId,
        PrivateIp: privateIp,
        IsPrimary: true,
        Status: failure ? 'failed' : 'succeeded',
        ...(elasticIp
          ? {
              AllocationId: elasticIp.allocationId,
              AssociationId: elasticIp.associationId,
              PublicIp: elasticIp.publicIp,
            }
          : {}),
      },
    ],
    Tags: describeTags(store.tags.of(id)),
  }
}
