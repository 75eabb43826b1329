import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import { findAll } from '../ids.ts'
import type { Ec2Query } from '../operation.ts'
import type { VpcRecord } from './vpc.ts'

/** DescribeVpcClassicLink: EC2-Classic is no more, so no VPC is linked to it. */
export function describeVpcClassicLink({ store }: Domain): Ec2Query<'DescribeVpcClassicLink'> {
  const filters = defineFilters<VpcRecord>({ 'is-classic-link-enabled': () => false }, ({ id }) => store.tags.of(id))
  return {
    kind: 'query',
    parameters: ['VpcIds', 'Filters'],
    filters: filters.names,
    answer: (context, input) => {
      findAll('vpc', input.VpcIds ?? [], (id) => store.vpcs.get(context, id))
      return { Vpcs: [] }
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
