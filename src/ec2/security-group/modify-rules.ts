import type { SecurityGroupRuleRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, missingParameter } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { putRules } from './change-rules.ts'
import { findGroup } from './create-group.ts'
import {
  duplicatePermission,
  isSameRule,
  permissionNotFound,
  readDescription,
  readPermissions,
  type RuleDraft,
} from './permission.ts'
import { requireRuleRoom } from './prefix-list-use.ts'
import type { SecurityGroupRecord, SecurityGroupRule } from './security-group.ts'

const peerMembers = ['cidrIpv4', 'cidrIpv6', 'prefixListId', 'peerGroupId'] as const

/** ModifySecurityGroupRules: a rule gets all of its members anew and keeps its id, its direction and the kind of its peer. */
export function modifySecurityGroupRules(domain: Domain): Ec2Mutation<'ModifySecurityGroupRules'> {
  return {
    kind: 'mutation',
    parameters: ['GroupId', 'SecurityGroupRules'],
    apply: (context, input) => {
      const group = findGroup(domain, context, { GroupId: input.GroupId })
      const changed = new Map<string, SecurityGroupRule>()
      for (const { SecurityGroupRuleId: id = '', SecurityGroupRule: request } of input.SecurityGroupRules ?? []) {
        const rule = findOne('sgr', id, () => group.rules.find((present) => present.id === id))
        if (changed.has(id)) {
          throw new Ec2Error('InvalidParameterValue', `The rule ${id} must not appear multiple times in the request`)
        }
        if (!request) throw missingParameter('SecurityGroupRule')
        changed.set(id, { id, ...readRequest(domain, context, group, rule, request) })
      }
      if (changed.size === 0) throw missingParameter('SecurityGroupRules')
      const rules = group.rules.map((rule) => changed.get(rule.id) ?? rule)
      for (const rule of changed.values()) {
        if (rules.some((other) => other.id !== rule.id && isSameRule(other, rule))) throw duplicatePermission(rule)
      }
      const kept = rules.filter(({ id }) => !changed.has(id))
      requireRuleRoom(domain, [...changed.values()], kept)
      putRules(domain, context, group, rules)
      return { Return: true }
    },
  }
}

function readRequest(
  { store }: Domain,
  context: MutationContext,
  group: SecurityGroupRecord,
  present: SecurityGroupRule,
  request: SecurityGroupRuleRequest,
): RuleDraft {
  const { Description: description } = request
  const [draft, ...others] = readPermissions(
    store,
    context,
    group,
    {
      IpPermissions: [
        {
          IpProtocol: request.IpProtocol,
          FromPort: request.FromPort,
          ToPort: request.ToPort,
          IpRanges: request.CidrIpv4 ? [{ CidrIp: request.CidrIpv4, Description: description }] : [],
          Ipv6Ranges: request.CidrIpv6 ? [{ CidrIpv6: request.CidrIpv6, Description: description }] : [],
          PrefixListIds: request.PrefixListId ? [{ PrefixListId: request.PrefixListId, Description: description }] : [],
          UserIdGroupPairs: request.ReferencedGroupId
            ? [{ GroupId: request.ReferencedGroupId, Description: description }]
            : [],
        },
      ],
    },
    present.isEgress,
  )
  if (!draft || others.length > 0) {
    throw invalidParameterCombination(
      'Exactly one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId must be specified for a rule',
    )
  }
  if (peerMembers.some((member) => (draft[member] === undefined) !== (present[member] === undefined))) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `The type of the rule ${present.id} cannot be changed: name a peer of the kind that it has.`,
    )
  }
  return draft
}

export function updateSecurityGroupRuleDescriptionsIngress(
  domain: Domain,
): Ec2Mutation<'UpdateSecurityGroupRuleDescriptionsIngress'> {
  return updateDescriptions(domain, false)
}

export function updateSecurityGroupRuleDescriptionsEgress(
  domain: Domain,
): Ec2Mutation<'UpdateSecurityGroupRuleDescriptionsEgress'> {
  return updateDescriptions(domain, true)
}

/** Rules are named by their ids or by what they allow; a description that is left out is taken away. */
function updateDescriptions(
  domain: Domain,
  isEgress: boolean,
): Ec2Mutation<'UpdateSecurityGroupRuleDescriptionsIngress'> {
  return {
    kind: 'mutation',
    parameters: ['GroupId', 'GroupName', 'IpPermissions', 'SecurityGroupRuleDescriptions'],
    apply: (context, input) => {
      const group = findGroup(domain, context, input)
      const { IpPermissions: permissions = [], SecurityGroupRuleDescriptions: named = [] } = input
      if (permissions.length > 0 && named.length > 0) {
        throw invalidParameterCombination(
          'The parameters IpPermissions and SecurityGroupRuleDescriptions may not be used together',
        )
      }
      const descriptions = new Map<string, string | undefined>()
      for (const { SecurityGroupRuleId: id = '', Description: text } of named) {
        findOne('sgr', id, () => group.rules.find((rule) => rule.id === id && rule.isEgress === isEgress))
        descriptions.set(id, readDescription(text).description)
      }
      if (named.length === 0) {
        for (const draft of readPermissions(domain.store, context, group, input, isEgress)) {
          const found = group.rules.find((rule) => isSameRule(rule, draft))
          if (!found) throw permissionNotFound()
          descriptions.set(found.id, draft.description)
        }
      }
      putRules(
        domain,
        context,
        group,
        group.rules.map((rule) =>
          descriptions.has(rule.id) ? { ...rule, description: descriptions.get(rule.id) } : rule,
        ),
      )
      return { Return: true }
    },
  }
}
