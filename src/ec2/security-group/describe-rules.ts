import type { SecurityGroupRule as RuleDescription } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { applyFilters, candidatesOf, defineFilters, type Filter } from '../filter.ts'
import { findAll } from '../ids.ts'
import type { Ec2Query } from '../operation.ts'
import { refusePagingWithIds, takePage } from '../page.ts'
import type { Candidates, Scope, Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import { describePeerGroup } from './describe-peer.ts'
import { findRule } from './find-group.ts'
import type { GroupRule, SecurityGroupRecord, SecurityGroupRule } from './security-group.ts'

/** One rule in the shape of DescribeSecurityGroupRules. */
export function describeRule(store: Store, group: SecurityGroupRecord, rule: SecurityGroupRule): RuleDescription {
  return {
    SecurityGroupRuleId: rule.id,
    GroupId: group.id,
    GroupOwnerId: group.accountId,
    IsEgress: rule.isEgress,
    IpProtocol: rule.protocol,
    FromPort: rule.fromPort,
    ToPort: rule.toPort,
    CidrIpv4: rule.cidrIpv4,
    CidrIpv6: rule.cidrIpv6,
    PrefixListId: rule.prefixListId,
    ...(rule.peerGroupId
      ? { ReferencedGroupInfo: { VpcId: group.vpcId, ...describePeerGroup(store, group, rule) } }
      : {}),
    Description: rule.description,
    Tags: describeTags(store.tags.of(rule.id)),
    SecurityGroupRuleArn: `arn:aws:ec2:${group.region}:${group.accountId}:security-group-rule/${rule.id}`,
  }
}

export function describeSecurityGroupRules({ store }: Domain): Ec2Query<'DescribeSecurityGroupRules'> {
  const filters = defineFilters<GroupRule>(
    {
      'group-id': { read: ({ group }) => group.id, index: 'id' },
      'security-group-rule-id': { read: ({ rule }) => rule.id, index: 'rules[].id' },
    },
    ({ rule }) => store.tags.of(rule.id),
  )
  return {
    kind: 'query',
    parameters: ['SecurityGroupRuleIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: filters.names,
    answer: (context, input) => {
      refusePagingWithIds('securityGroupRuleIds', input.SecurityGroupRuleIds, input)
      const known = input.SecurityGroupRuleIds?.length
        ? findAll('sgr', input.SecurityGroupRuleIds, (id) => findRule(store, context, id))
        : listRules(store, context, candidatesOf(withoutTags(input.Filters), filters))
      const matching = applyFilters(known, input.Filters, filters)
      const page = takePage(matching, input, ({ rule }) => rule.id)
      return {
        SecurityGroupRules: page.records.map(({ group, rule }) => describeRule(store, group, rule)),
        ...page.token,
      }
    },
  }
}

/** The rules of the groups that indexes find, or of all. */
function listRules(store: Store, scope: Scope, among: readonly Candidates[]): GroupRule[] {
  const groups = store.securityGroups.page(scope, 0, Number.MAX_SAFE_INTEGER, among)
  return groups.flatMap(({ record: group }) => group.rules.map((rule) => ({ group, rule })))
}

/** Tags are the rules' own: no index finds groups by them. */
function withoutTags(filters: readonly Filter[] = []): Filter[] {
  return filters.filter(({ Name: name = '' }) => !name.startsWith('tag'))
}
