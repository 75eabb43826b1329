import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { usableAddressCount } from '../subnet/address-plan.ts'
import type { SubnetRecord } from '../subnet/subnet.ts'
import { describeTags } from '../tag/tag.ts'
import type { VpcRecord } from './vpc.ts'

export function describeVpcs({ store }: Domain): Ec2Query<'DescribeVpcs'> {
  const source: DescribeSource<VpcRecord> = {
    collection: store.vpcs,
    prefix: 'vpc',
    idParameter: 'vpcIds',
    filters: defineFilters(
      {
        cidr: { read: ({ cidr }) => cidr, index: 'cidr' },
        'cidr-block-association.cidr-block': { read: ({ cidr }) => cidr, index: 'cidr' },
        'cidr-block-association.state': () => 'associated',
        'dhcp-options-id': ({ dhcpOptionsId }) => dhcpOptionsId,
        'is-default': ({ isDefault }) => isDefault,
        isDefault: ({ isDefault }) => isDefault,
        'owner-id': ({ accountId }) => accountId,
        state: () => 'available',
        'vpc-id': { read: ({ id }) => id, index: 'id' },
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['VpcIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.VpcIds })
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
        ...page.token,
      }
    },
  }
}

export function describeSubnets({ store }: Domain): Ec2Query<'DescribeSubnets'> {
  const freeOf = (subnet: SubnetRecord) =>
    usableAddressCount(subnet.cidr) - store.interfaces.listBy('subnetId', subnet.id).length
  const source: DescribeSource<SubnetRecord> = {
    collection: store.subnets,
    prefix: 'subnet',
    idParameter: 'subnetIds',
    filters: defineFilters(
      {
        'availability-zone': { read: ({ availabilityZone }) => availabilityZone, index: 'availabilityZone' },
        availabilityZone: { read: ({ availabilityZone }) => availabilityZone, index: 'availabilityZone' },
        'availability-zone-id': ({ availabilityZoneId }) => availabilityZoneId,
        'available-ip-address-count': freeOf,
        cidr: { read: ({ cidr }) => cidr, index: 'cidr' },
        'cidr-block': { read: ({ cidr }) => cidr, index: 'cidr' },
        'default-for-az': ({ isDefaultForAz }) => isDefaultForAz,
        defaultForAz: ({ isDefaultForAz }) => isDefaultForAz,
        'map-public-ip-on-launch': ({ mapPublicIpOnLaunch }) => mapPublicIpOnLaunch,
        'owner-id': ({ accountId }) => accountId,
        state: () => 'available',
        'subnet-id': { read: ({ id }) => id, index: 'id' },
        'vpc-id': { read: ({ vpcId }) => vpcId, index: 'vpcId' },
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['SubnetIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.SubnetIds })
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
        ...page.token,
      }
    },
  }
}
