import type { Domain } from '../domain.ts'
import { applyFilters, defineFilters } from '../filter.ts'
import { findAll, findOne } from '../ids.ts'
import type { Ec2Query } from '../operation.ts'
import { takePage } from '../page.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import { describePermissions } from './describe-groups.ts'
import { isStale } from './describe-peer.ts'
import type { SecurityGroupRecord } from './security-group.ts'

/** DescribeSecurityGroupReferences: the VPCs behind a peering connection whose groups name the groups. */
export function describeSecurityGroupReferences({ store }: Domain): Ec2Query<'DescribeSecurityGroupReferences'> {
  return {
    kind: 'query',
    parameters: ['GroupId'],
    answer: (context, input) => {
      const groups = findAll('sg', input.GroupId ?? [], (id) => store.securityGroups.get(context, id))
      return { SecurityGroupReferenceSet: groups.flatMap((group) => listReferences(store, group)) }
    },
  }
}

function listReferences(store: Store, { id }: SecurityGroupRecord) {
  const found = new Map<string, { GroupId: string; ReferencingVpcId: string; VpcPeeringConnectionId: string }>()
  for (const other of store.securityGroups.listBy('rules[].peerGroupId', id)) {
    for (const { peerGroupId, peering } of other.rules) {
      if (peerGroupId !== id || !peering) continue
      found.set(`${other.vpcId} ${peering.connectionId}`, {
        GroupId: id,
        ReferencingVpcId: other.vpcId,
        VpcPeeringConnectionId: peering.connectionId,
      })
    }
  }
  return [...found.values()]
}

/** DescribeStaleSecurityGroups: groups with rules that name a group of a peer which is gone, or which nothing leads to any more. */
export function describeStaleSecurityGroups({ store }: Domain): Ec2Query<'DescribeStaleSecurityGroups'> {
  return {
    kind: 'query',
    parameters: ['VpcId', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      const vpc = findOne('vpc', input.VpcId ?? '', (id) => store.vpcs.get(context, id))
      const groups = store.securityGroups
        .listBy('vpcId', vpc.id)
        .filter(({ rules }) => rules.some((rule) => isStale(store, rule)))
      const page = takePage(groups, input, ({ id }) => id)
      const staleOf = (group: SecurityGroupRecord, isEgress: boolean) =>
        describePermissions(store, group, isEgress, (rule) => isStale(store, rule)).map(
          ({ FromPort, IpProtocol, ToPort, UserIdGroupPairs }) => ({ FromPort, IpProtocol, ToPort, UserIdGroupPairs }),
        )
      return {
        StaleSecurityGroupSet: page.records.map((group) => ({
          GroupId: group.id,
          GroupName: group.name,
          Description: group.description,
          VpcId: group.vpcId,
          StaleIpPermissions: staleOf(group, false),
          StaleIpPermissionsEgress: staleOf(group, true),
        })),
        ...page.token,
      }
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
