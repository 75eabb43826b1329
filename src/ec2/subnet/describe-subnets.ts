import type { Subnet, SubnetIpv6CidrBlockAssociation } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { partitionOf } from '../region/region.ts'
import { describeTags } from '../tag/tag.ts'
import { freeAddressCount } from './address-plan.ts'
import { describePrivateDnsOptions, privateDnsDefaultsOf } from '../instance/private-dns.ts'
import { hasResourceNames, type SubnetIpv6Association, type SubnetRecord } from './subnet.ts'

export function describeSubnets({ store }: Domain): Ec2Query<'DescribeSubnets'> {
  const source: DescribeSource<SubnetRecord> = {
    collection: store.subnets,
    prefix: 'subnet',
    idParameter: 'subnetIds',
    filters: defineFilters(
      {
        'availability-zone': { read: ({ availabilityZone }) => availabilityZone, index: 'availabilityZone' },
        availabilityZone: { read: ({ availabilityZone }) => availabilityZone, index: 'availabilityZone' },
        'availability-zone-id': ({ availabilityZoneId }) => availabilityZoneId,
        availabilityZoneId: ({ availabilityZoneId }) => availabilityZoneId,
        'available-ip-address-count': (subnet) => freeAddressCount(store, subnet),
        cidr: { read: ({ cidr }) => cidr, index: 'cidr' },
        'cidr-block': { read: ({ cidr }) => cidr, index: 'cidr' },
        cidrBlock: { read: ({ cidr }) => cidr, index: 'cidr' },
        'customer-owned-ipv4-pool': () => undefined,
        'default-for-az': ({ isDefaultForAz }) => isDefaultForAz,
        defaultForAz: ({ isDefaultForAz }) => isDefaultForAz,
        'enable-dns64': () => false,
        'enable-lni-at-device-index': () => undefined,
        'ipv6-cidr-block-association.association-id': ({ ipv6 }) => ipv6?.id,
        'ipv6-cidr-block-association.ipv6-cidr-block': ({ ipv6 }) => ipv6?.cidr,
        'ipv6-cidr-block-association.state': ({ ipv6 }) => (ipv6 ? 'associated' : undefined),
        'ipv6-native': () => false,
        'map-customer-owned-ip-on-launch': () => false,
        'map-public-ip-on-launch': ({ mapPublicIpOnLaunch }) => mapPublicIpOnLaunch,
        'outpost-arn': () => undefined,
        'owner-id': ({ accountId }) => accountId,
        'private-dns-name-options-on-launch.enable-resource-name-dns-a-record': hasResourceNames,
        'private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record': (subnet) =>
          privateDnsDefaultsOf(subnet).hasResourceNameAaaa,
        'private-dns-name-options-on-launch.hostname-type': (subnet) => privateDnsDefaultsOf(subnet).hostnameType,
        state: () => 'available',
        'subnet-arn': arnOf,
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
      return { Subnets: page.records.map((subnet) => describeSubnet(store, subnet)), ...page.token }
    },
  }
}

/** A subnet in EC2's shape. */
export function describeSubnet(store: Store, subnet: SubnetRecord): Subnet {
  return {
    SubnetId: subnet.id,
    SubnetArn: arnOf(subnet),
    VpcId: subnet.vpcId,
    OwnerId: subnet.accountId,
    State: 'available',
    CidrBlock: subnet.cidr,
    AvailableIpAddressCount: freeAddressCount(store, subnet),
    AvailabilityZone: subnet.availabilityZone,
    AvailabilityZoneId: subnet.availabilityZoneId,
    DefaultForAz: subnet.isDefaultForAz,
    MapPublicIpOnLaunch: subnet.mapPublicIpOnLaunch,
    MapCustomerOwnedIpOnLaunch: false,
    AssignIpv6AddressOnCreation: subnet.assignIpv6AddressOnCreation ?? false,
    Ipv6CidrBlockAssociationSet: subnet.ipv6 ? [describeIpv6Association(subnet.ipv6)] : [],
    EnableDns64: false,
    Ipv6Native: false,
    PrivateDnsNameOptionsOnLaunch: describePrivateDnsOptions(privateDnsDefaultsOf(subnet)),
    BlockPublicAccessStates: { InternetGatewayBlockMode: 'off' },
    Tags: describeTags(store.tags.of(subnet.id)),
  }
}

/** The IPv6 block of a subnet in EC2's shape. */
export function describeIpv6Association(
  { id, cidr }: SubnetIpv6Association,
  state: 'associated' | 'disassociated' = 'associated',
): SubnetIpv6CidrBlockAssociation {
  return {
    AssociationId: id,
    Ipv6CidrBlock: cidr,
    Ipv6CidrBlockState: { State: state },
    Ipv6AddressAttribute: 'public',
    IpSource: 'amazon',
  }
}

function arnOf({ accountId, region, id }: SubnetRecord): string {
  return `arn:${partitionOf(region)}:ec2:${region}:${accountId}:subnet/${id}`
}
