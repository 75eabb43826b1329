import type { Domain } from '../domain.ts'
import { applyFilters, defineFilters } from '../filter.ts'
import { findAll } from '../ids.ts'
import type { Ec2Query } from '../operation.ts'
import { describeTags } from '../tag/tag.ts'
import type { VpcRecord } from './vpc.ts'

/**
 * DescribeVpcClassicLink: EC2-Classic is no more, so no VPC is linked to it; each is told to be so, because Ansible's ec2_vpc_net reads
 * the answer's first VPC unseen.
 */
export function describeVpcClassicLink({ store }: Domain): Ec2Query<'DescribeVpcClassicLink'> {
  const filters = defineFilters<VpcRecord>({ 'is-classic-link-enabled': () => false }, ({ id }) => store.tags.of(id))
  return {
    kind: 'query',
    parameters: ['VpcIds', 'Filters'],
    filters: filters.names,
    answer: (context, input) => {
      const ids = input.VpcIds ?? []
      const known = ids.length > 0 ? findAll('vpc', ids, (id) => store.vpcs.get(context, id)) : store.vpcs.list(context)
      return {
        Vpcs: applyFilters(known, input.Filters, filters).map(({ id }) => ({
          VpcId: id,
          ClassicLinkEnabled: false,
          Tags: describeTags(store.tags.of(id)),
        })),
      }
    },
  }
}

/** DescribeVpcClassicLinkDnsSupport: the same for its names. */
export function describeVpcClassicLinkDnsSupport({ store }: Domain): Ec2Query<'DescribeVpcClassicLinkDnsSupport'> {
  return {
    kind: 'query',
    parameters: ['VpcIds', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      findAll('vpc', input.VpcIds ?? [], (id) => store.vpcs.get(context, id))
      return { Vpcs: [] }
    },
  }
}
