import type { Vpc } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import { type CidrAssociation, cidrsOf, type VpcRecord } from './vpc.ts'

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
        'ipv6-cidr-block-association.association-id': () => undefined,
        'ipv6-cidr-block-association.ipv6-cidr-block': () => undefined,
        'ipv6-cidr-block-association.ipv6-pool': () => undefined,
        'ipv6-cidr-block-association.state': () => undefined,
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
    Ipv6CidrBlockAssociationSet: [],
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
