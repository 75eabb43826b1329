import type { Domain } from '../domain.ts'
import { dependencyViolation, Ec2Error, invalidParameterValue, missingParameter } from '../errors.ts'
import { findOne, newId } from '../ids.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { describeTags, putTags, readTagSpecifications } from '../tag/tag.ts'
import { ipv6CidrsOf } from '../vpc/vpc.ts'
import { newGroupRules } from './default-rule.ts'
import { groupTextRule, isGroupText } from './group-text.ts'
import type { SecurityGroupRecord } from './security-group.ts'

/** CreateSecurityGroup: nothing in, everything out, until rules say otherwise. */
export function createSecurityGroup(domain: Domain): Ec2Mutation<'CreateSecurityGroup'> {
  const { store, random, settings } = domain
  return {
    kind: 'mutation',
    parameters: ['GroupName', 'Description', 'VpcId', 'TagSpecifications'],
    apply: (context, input) => {
      const name = readText('GroupName', input.GroupName)
      const description = readText('GroupDescription', input.Description)
      if (name.startsWith('sg-')) {
        throw invalidParameterValue('GroupName', name, 'Group names may not be in the format sg-*.')
      }
      if (name === 'default') {
        throw new Ec2Error('InvalidParameterValue', 'Cannot use reserved security group name: default')
      }
      const vpcId = input.VpcId ?? store.vpcs.list(context).find(({ isDefault }) => isDefault)?.id
      if (vpcId === undefined) throw new Ec2Error('VPCIdNotSpecified', 'No default VPC for this user')
      const vpc = findOne('vpc', vpcId, (id) => store.vpcs.get(context, id))
      if (store.securityGroups.listBy('vpcId', vpc.id).some((group) => group.name === name)) {
        throw new Ec2Error('InvalidGroup.Duplicate', `The security group '${name}' already exists for VPC '${vpc.id}'`)
      }
      const present = store.securityGroups.count(context)
      requireQuota(settings.quotas, 'securityGroups', { present, code: 'SecurityGroupLimitExceeded' })
      const tags = readTagSpecifications(input.TagSpecifications, ['security-group']).get('security-group') ?? []
      const id = newId('sg', random)
      const { accountId, region } = context
      store.securityGroups.insert({
        accountId,
        region,
        id,
        name,
        description,
        vpcId: vpc.id,
        rules: newGroupRules(random, { hasIpv6: ipv6CidrsOf(vpc).length > 0 }),
      })
      putTags(store, context, id, 'security-group', tags)
      return {
        GroupId: id,
        Tags: describeTags(tags),
        SecurityGroupArn: `arn:aws:ec2:${region}:${accountId}:security-group/${id}`,
      }
    },
  }
}

function readText(parameter: string, value: string | undefined): string {
  if (!value) throw missingParameter(parameter)
  if (isGroupText(value)) return value
  throw invalidParameterValue(parameter, value.slice(0, 80), `Expected ${groupTextRule}.`)
}

/** DeleteSecurityGroup: refused while an interface has it or another group's rule names it. */
export function deleteSecurityGroup(domain: Domain): Ec2Mutation<'DeleteSecurityGroup'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['GroupId', 'GroupName'],
    apply: (context, input) => {
      const group = findGroup(domain, context, input)
      if (group.name === 'default') {
        throw new Ec2Error(
          'CannotDelete',
          `the specified group: "${group.id}" name: "default" cannot be deleted by a user`,
        )
      }
      const isUsed = store.interfaces.listBy('vpcId', group.vpcId).some(({ groupIds }) => groupIds.includes(group.id))
      const isNamed = store.securityGroups
        .listBy('vpcId', group.vpcId)
        .some((other) => other.id !== group.id && other.rules.some(({ peerGroupId }) => peerGroupId === group.id))
      if (isUsed || isNamed) throw dependencyViolation(`resource ${group.id} has a dependent object`)
      store.securityGroups.remove(group.id)
      store.tags.removeAll(group.id)
      for (const rule of group.rules) store.tags.removeAll(rule.id)
      return { Return: true, GroupId: group.id }
    },
  }
}

/** The group that an operation names by id, or by name in the default VPC. */
export function findGroup(
  { store }: Domain,
  context: MutationContext,
  input: { GroupId?: string | undefined; GroupName?: string | undefined },
): SecurityGroupRecord {
  if (input.GroupId) return findOne('sg', input.GroupId, (id) => store.securityGroups.get(context, id))
  if (!input.GroupName) throw missingParameter('GroupId')
  const name = input.GroupName
  const found = store.securityGroups
    .list(context)
    .find((group) => group.name === name && store.vpcs.find(group.vpcId)?.isDefault)
  if (!found) throw new Ec2Error('InvalidGroup.NotFound', `The security group '${name.slice(0, 255)}' does not exist`)
  return found
}
