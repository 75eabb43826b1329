import type { Vpc, VpcIpv6CidrBlockAssociation } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import { amazonPool } from './ipv6-rule.ts'
import { type CidrAssociation, cidrsOf, ipv6CidrsOf, type VpcRecord } from './vpc.ts'

export function describeVpcs({ store }: Domain): Ec2Query<'DescribeVpcs'> {
  const source: DescribeSource<VpcRecord> = {
    collection: store.vpcs,
    prefix: 'vpc',
    idParameter: 'vpcIds',
    filters: defineFilters(
      {
        cidr: { read: ({ cidr }) => cidr, index: 'cidr' },
        // Undocumented, and what Ansible's ec2_vpc_net asks by.
        'cidr-block': { read: ({ cidr }) => cidr, index: 'cidr' },
        'cidr-block-association.association-id': (vpc) => cidrAssociationsOf(vpc).map(({ id }) => id),
        'cidr-block-association.cidr-block': cidrsOf,
        'cidr-block-association.state': () => 'associated',
        'dhcp-options-id': { read: ({ dhcpOptionsId }) => dhcpOptionsId, index: 'dhcpOptionsId' },
        'ipv6-cidr-block-association.association-id': ({ ipv6Cidrs = [] }) => ipv6Cidrs.map(({ id }) => id),
        'ipv6-cidr-block-association.ipv6-cidr-block': ipv6CidrsOf,
        'ipv6-cidr-block-association.ipv6-pool': (vpc) => ipv6CidrsOf(vpc).map(() => amazonPool),
        'ipv6-cidr-block-association.state': (vpc) => ipv6CidrsOf(vpc).map(() => 'associated'),
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
      return { Vpcs: page.records.map((vpc) => describeVpc(store, vpc)), ...page.token }
    },
  }
}

/** A VPC in EC2's shape. */
export function describeVpc(store: Store, vpc: VpcRecord): Vpc {
  return {
    VpcId: vpc.id,
    OwnerId: vpc.accountId,
    CidrBlock: vpc.cidr,
    State: 'available',
    IsDefault: vpc.isDefault,
    InstanceTenancy: vpc.tenancy ?? 'default',
    DhcpOptionsId: vpc.dhcpOptionsId,
    Ipv6CidrBlockAssociationSet: (vpc.ipv6Cidrs ?? []).map((association) => describeIpv6Cidr(association, vpc.region)),
    CidrBlockAssociationSet: cidrAssociationsOf(vpc).map(describeCidr),
    BlockPublicAccessStates: { InternetGatewayBlockMode: 'off' },
    Tags: describeTags(store.tags.of(vpc.id)),
  }
}

/** The first block of a VPC has an association as well, with an id that follows from the VPC's. */
export function cidrAssociationsOf({ id, cidr, secondaryCidrs = [] }: VpcRecord): CidrAssociation[] {
  return [{ id: `vpc-cidr-assoc-${id.slice('vpc-'.length)}`, cidr }, ...secondaryCidrs]
}

/** A block of a VPC in EC2's shape. */
export function describeCidr({ id, cidr }: CidrAssociation) {
  return { AssociationId: id, CidrBlock: cidr, CidrBlockState: { State: 'associated' as const } }
}

/** A block of IPv6 addresses of a VPC in EC2's shape. */
export function describeIpv6Cidr(
  { id, cidr }: CidrAssociation,
  region: string,
  state: 'associated' | 'disassociated' = 'associated',
): VpcIpv6CidrBlockAssociation {
  return {
    AssociationId: id,
    Ipv6CidrBlock: cidr,
    Ipv6CidrBlockState: { State: state },
    NetworkBorderGroup: region,
    Ipv6Pool: amazonPool,
    Ipv6AddressAttribute: 'public',
    IpSource: 'amazon',
  }
}
