import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination } from '../errors.ts'
import { findAll, newId } from '../ids.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { putTags, readTagSpecifications, type TagSpecificationInput } from '../tag/tag.ts'
import { findGroup } from './create-group.ts'
import { describeRule } from './describe-rules.ts'
import {
  duplicatePermission,
  type FlatPermission,
  isSameRule,
  permissionNotFound,
  readPermissions,
} from './permission.ts'
import { requireRuleRoom } from './prefix-list-use.ts'
import type { SecurityGroupRecord, SecurityGroupRule } from './security-group.ts'

type RuleRequest = FlatPermission & {
  readonly GroupId?: string | undefined
  readonly GroupName?: string | undefined
  readonly SecurityGroupRuleIds?: readonly string[] | undefined
  readonly TagSpecifications?: readonly TagSpecificationInput[] | undefined
}

const egressParameters = ['GroupId', 'IpPermissions', 'IpProtocol', 'FromPort', 'ToPort', 'CidrIp'] as const
/** Of ingress alone: the ways of EC2-Classic to name a group and its peer. */
const ingressParameters = [
  ...egressParameters,
  'GroupName',
  'SourceSecurityGroupName',
  'SourceSecurityGroupOwnerId',
] as const

export function authorizeSecurityGroupIngress(domain: Domain): Ec2Mutation<'AuthorizeSecurityGroupIngress'> {
  return {
    kind: 'mutation',
    parameters: [...ingressParameters, 'TagSpecifications'],
    apply: (context, input) => authorize(domain, context, input, false),
  }
}

export function authorizeSecurityGroupEgress(domain: Domain): Ec2Mutation<'AuthorizeSecurityGroupEgress'> {
  return {
    kind: 'mutation',
    parameters: [...egressParameters, 'TagSpecifications'],
    apply: (context, input) => authorize(domain, context, input, true),
  }
}

export function revokeSecurityGroupIngress(domain: Domain): Ec2Mutation<'RevokeSecurityGroupIngress'> {
  return {
    kind: 'mutation',
    parameters: [...ingressParameters, 'SecurityGroupRuleIds'],
    apply: (context, input) => revoke(domain, context, input, false),
  }
}

export function revokeSecurityGroupEgress(domain: Domain): Ec2Mutation<'RevokeSecurityGroupEgress'> {
  return {
    kind: 'mutation',
    parameters: [...egressParameters, 'SecurityGroupRuleIds'],
    apply: (context, input) => revoke(domain, context, input, true),
  }
}

function authorize(domain: Domain, context: MutationContext, input: RuleRequest, isEgress: boolean) {
  const { store, random } = domain
  const group = findGroup(domain, context, input)
  const drafts = readPermissions(store, context, group, input, isEgress)
  const tags = readTagSpecifications(input.TagSpecifications, ['security-group-rule']).get('security-group-rule') ?? []
  const added: SecurityGroupRule[] = []
  for (const draft of drafts) {
    if (added.some((rule) => isSameRule(rule, draft))) {
      throw new Ec2Error('InvalidParameterValue', 'The same permission must not appear multiple times')
    }
    if (group.rules.some((rule) => isSameRule(rule, draft))) throw duplicatePermission(draft)
    added.push({ id: newId('sgr', random), ...draft })
  }
  requireRuleRoom(domain, added, group.rules)
  for (const rule of added) putTags(store, context, rule.id, 'security-group-rule', tags)
  putRules(domain, context, group, [...group.rules, ...added])
  return { Return: true, SecurityGroupRules: added.map((rule) => describeRule(store, group, rule)) }
}

function revoke(domain: Domain, context: MutationContext, input: RuleRequest, isEgress: boolean) {
  const { store } = domain
  const group = findGroup(domain, context, input)
  if (input.SecurityGroupRuleIds?.length && input.IpPermissions?.length) {
    throw invalidParameterCombination('The parameters SecurityGroupRuleIds and IpPermissions may not be used together')
  }
  const removed = input.SecurityGroupRuleIds?.length
    ? findAll('sgr', input.SecurityGroupRuleIds, (id) =>
        group.rules.find((rule) => rule.id === id && rule.isEgress === isEgress),
      )
    : readPermissions(store, context, group, input, isEgress).map((draft) => {
        const found = group.rules.find((rule) => isSameRule(rule, draft))
        if (!found) throw permissionNotFound()
        return found
      })
  for (const rule of removed) store.tags.removeAll(rule.id)
  putRules(
    domain,
    context,
    group,
    group.rules.filter((rule) => !removed.includes(rule)),
  )
  return {
    Return: true,
    UnknownIpPermissions: [],
    RevokedSecurityGroupRules: removed.map((rule) => ({
      SecurityGroupRuleId: rule.id,
      GroupId: group.id,
      IsEgress: rule.isEgress,
      IpProtocol: rule.protocol,
      FromPort: rule.fromPort,
      ToPort: rule.toPort,
      CidrIpv4: rule.cidrIpv4,
      CidrIpv6: rule.cidrIpv6,
      PrefixListId: rule.prefixListId,
      ReferencedGroupId: rule.peerGroupId,
      Description: rule.description,
    })),
  }
}

/** Records the rules; the packets follow at once. */
export function putRules(
  { store, networks }: Domain,
  context: MutationContext,
  group: SecurityGroupRecord,
  rules: readonly SecurityGroupRule[],
): void {
  store.securityGroups.replace({ ...group, rules })
  context.afterCommit(() => networks.refreshSoon(group.vpcId))
}
