import type { Domain } from '../domain.ts'
import { applyFilters, defineFilters } from '../filter.ts'
import { findAll, findOne } from '../ids.ts'
import type { Ec2Query } from '../operation.ts'
import { takePage } from '../page.ts'
import { describeTags } from '../tag/tag.ts'
import type { SecurityGroupRecord } from './security-group.ts'

/** DescribeSecurityGroupReferences: VPCs behind a peering connection that name the groups; VPCs have no such connections here. */
export function describeSecurityGroupReferences({ store }: Domain): Ec2Query<'DescribeSecurityGroupReferences'> {
  return {
    kind: 'query',
    parameters: ['GroupId'],
    answer: (context, input) => {
      findAll('sg', input.GroupId ?? [], (id) => store.securityGroups.get(context, id))
      return { SecurityGroupReferenceSet: [] }
    },
  }
}

/** DescribeStaleSecurityGroups: groups that name one of a peer that is gone. A group that is named here cannot be deleted. */
export function describeStaleSecurityGroups({ store }: Domain): Ec2Query<'DescribeStaleSecurityGroups'> {
  return {
    kind: 'query',
    parameters: ['VpcId', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      findOne('vpc', input.VpcId ?? '', (id) => store.vpcs.get(context, id))
      return { StaleSecurityGroupSet: takePage([], input, String).records }
    },
  }
}

/** GetSecurityGroupsForVpc: the groups that an interface in the VPC may have. */
export function getSecurityGroupsForVpc({ store }: Domain): Ec2Query<'GetSecurityGroupsForVpc'> {
  const filters = defineFilters<SecurityGroupRecord>({
    'group-id': ({ id }) => id,
    description: ({ description }) => description,
    'group-name': ({ name }) => name,
    'owner-id': ({ accountId }) => accountId,
    'primary-vpc-id': ({ vpcId }) => vpcId,
  })
  return {
    kind: 'query',
    parameters: ['VpcId', 'Filters', 'MaxResults', 'NextToken'],
    filters: filters.names,
    answer: (context, input) => {
      const vpc = findOne('vpc', input.VpcId ?? '', (id) => store.vpcs.get(context, id))
      const groups = applyFilters(store.securityGroups.listBy('vpcId', vpc.id), input.Filters, filters)
      const page = takePage(groups, input, ({ id }) => id)
      return {
        SecurityGroupForVpcs: page.records.map((group) => ({
          GroupId: group.id,
          GroupName: group.name,
          Description: group.description,
          OwnerId: group.accountId,
          PrimaryVpcId: group.vpcId,
          Tags: describeTags(store.tags.of(group.id)),
        })),
        ...page.token,
      }
    },
  }
}
