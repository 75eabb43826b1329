import type { Ec2InstanceConnectEndpoint } from '@aws-sdk/client-ec2'
import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import { type ConnectEndpointRecord, connectEndpointTypeOf } from './connect-endpoint.ts'

export function describeInstanceConnectEndpoints({ store }: Domain): Ec2Query<'DescribeInstanceConnectEndpoints'> {
  const source: DescribeSource<ConnectEndpointRecord> = {
    collection: store.connectEndpoints,
    prefix: 'eice',
    idParameter: 'instanceConnectEndpointIds',
    filters: defineFilters(
      {
        'instance-connect-endpoint-id': { read: ({ id }) => id, index: 'id' },
        state: { read: ({ state }) => state, index: 'state' },
        'subnet-id': { read: ({ subnetId }) => subnetId, index: 'subnetId' },
        'vpc-id': { read: ({ vpcId }) => vpcId, index: 'vpcId' },
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['InstanceConnectEndpointIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.InstanceConnectEndpointIds })
      return {
        InstanceConnectEndpoints: page.records.map((endpoint) => describeConnectEndpoint(store, endpoint)),
        ...page.token,
      }
    },
  }
}

/** An endpoint in EC2's shape. Its DNS names are EC2's form of them: nothing answers there (docs/guides/connecting.md). */
export function describeConnectEndpoint(store: Store, endpoint: ConnectEndpointRecord): Ec2InstanceConnectEndpoint {
  const { id, accountId, region, subnetId, interfaceId } = endpoint
  const subnet = store.subnets.find(subnetId)
  const name = `${id}.${accountId}.ec2-instance-connect-endpoint.${region}`
  const dnsName = `${name}.amazonaws.com`
  const type = connectEndpointTypeOf(endpoint)
  return {
    OwnerId: accountId,
    InstanceConnectEndpointId: id,
    InstanceConnectEndpointArn: `arn:aws:ec2:${region}:${accountId}:instance-connect-endpoint/${id}`,
    State: endpoint.state,
    StateMessage: '',
    DnsName: dnsName,
    NetworkInterfaceIds: [interfaceId],
    VpcId: endpoint.vpcId,
    ...(subnet ? { AvailabilityZone: subnet.availabilityZone, AvailabilityZoneId: subnet.availabilityZoneId } : {}),
    CreatedAt: new Date(endpoint.createTime),
    SubnetId: subnetId,
    PreserveClientIp: false,
    SecurityGroupIds: [...endpoint.groupIds],
    IpAddressType: type,
    PublicDnsNames: {
      Ipv4: { DnsName: dnsName },
      ...(type === 'dualstack' ? { Dualstack: { DnsName: `${name}.api.aws` } } : {}),
    },
    Tags: describeTags(store.tags.of(id)),
  }
}
