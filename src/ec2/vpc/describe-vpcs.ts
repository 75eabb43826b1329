import type { Domain } from '../domain.ts'
import { applyFilters } from '../filter.ts'
import { findAll } from '../ids.ts'
import type { Ec2Query } from '../operation.ts'
import { refusePagingWithIds, takePage } from '../page.ts'
import { usableAddressCount } from '../subnet/address-plan.ts'
import { describeTags } from '../tag/tag.ts'

export function describeVpcs({ store }: Domain): Ec2Query<'DescribeVpcs'> {
  return {
    kind: 'query',
    parameters: ['VpcIds', 'Filters', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      refusePagingWithIds('vpcIds', input.VpcIds, input)
      const known = input.VpcIds?.length
        ? findAll('vpc', input.VpcIds, (id) => store.vpcs.get(context, id))
        : store.vpcs.list(context)
      const matching = applyFilters(
        known,
        input.Filters,
        {
          cidr: ({ cidr }) => cidr,
          'cidr-block-association.cidr-block': ({ cidr }) => cidr,
          'cidr-block-association.state': () => 'associated',
          'dhcp-options-id': ({ dhcpOptionsId }) => dhcpOptionsId,
          'is-default': ({ isDefault }) => isDefault,
          isDefault: ({ isDefault }) => isDefault,
          'owner-id': ({ accountId }) => accountId,
          state: () => 'available',
          'vpc-id': ({ id }) => id,
        },
        ({ id }) => store.tags.of(id),
      )
      const page = takePage(matching, input, ({ id }) => id)
      return {
        Vpcs: page.records.map((vpc) => ({
          VpcId: vpc.id,
          OwnerId: vpc.accountId,
          CidrBlock: vpc.cidr,
          State: 'available' as const,
          IsDefault: vpc.isDefault,
          InstanceTenancy: 'default' as const,
          DhcpOptionsId: vpc.dhcpOptionsId,
          Ipv6CidrBlockAssociationSet: [],
          CidrBlockAssociationSet: [
            {
              AssociationId: `vpc-cidr-assoc-${vpc.id.slice(4)}`,
              CidrBlock: vpc.cidr,
              CidrBlockState: { State: 'associated' as const },
            },
          ],
          Tags: describeTags(store.tags.of(vpc.id)),
        })),
        ...(page.NextToken ? { NextToken: page.NextToken } : {}),
      }
    },
  }
}

export function describeSubnets({ store }: Domain): Ec2Query<'DescribeSubnets'> {
  return {
    kind: 'query',
    parameters: ['SubnetIds', 'Filters', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      refusePagingWithIds('subnetIds', input.SubnetIds, input)
      const known = input.SubnetIds?.length
        ? findAll('subnet', input.SubnetIds, (id) => store.subnets.get(context, id))
        : store.subnets.list(context)
      const freeOf = (subnet: { id: string; cidr: string }) =>
        usableAddressCount(subnet.cidr) - store.interfaces.listBy('subnetId', subnet.id).length
      const matching = applyFilters(
        known,
        input.Filters,
        {
          'availability-zone': ({ availabilityZone }) => availabilityZone,
          availabilityZone: ({ availabilityZone }) => availabilityZone,
          'availability-zone-id': ({ availabilityZoneId }) => availabilityZoneId,
          'available-ip-address-count': freeOf,
          cidr: ({ cidr }) => cidr,
          'cidr-block': ({ cidr }) => cidr,
          'default-for-az': ({ isDefaultForAz }) => isDefaultForAz,
          defaultForAz: ({ isDefaultForAz }) => isDefaultForAz,
          'map-public-ip-on-launch': ({ mapPublicIpOnLaunch }) => mapPublicIpOnLaunch,
          'owner-id': ({ accountId }) => accountId,
          state: () => 'available',
          'subnet-id': ({ id }) => id,
          'vpc-id': ({ vpcId }) => vpcId,
        },
        ({ id }) => store.tags.of(id),
      )
      const page = takePage(matching, input, ({ id }) => id)
      return {
        Subnets: page.records.map((subnet) => ({
          SubnetId: subnet.id,
          SubnetArn: `arn:aws:ec2:${subnet.region}:${subnet.accountId}:subnet/${subnet.id}`,
          VpcId: subnet.vpcId,
          OwnerId: subnet.accountId,
          State: 'available' as const,
          CidrBlock: subnet.cidr,
          AvailableIpAddressCount: freeOf(subnet),
          AvailabilityZone: subnet.availabilityZone,
          AvailabilityZoneId: subnet.availabilityZoneId,
          DefaultForAz: subnet.isDefaultForAz,
          MapPublicIpOnLaunch: subnet.mapPublicIpOnLaunch,
          AssignIpv6AddressOnCreation: false,
          Ipv6CidrBlockAssociationSet: [],
          EnableDns64: false,
          Ipv6Native: false,
          Tags: describeTags(store.tags.of(subnet.id)),
        })),
        ...(page.NextToken ? { NextToken: page.NextToken } : {}),
      }
    },
  }
}
