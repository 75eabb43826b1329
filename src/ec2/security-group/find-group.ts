import { Ec2Error } from '../errors.ts'
import type { Scope, Store } from '../ports/store.ts'
import { type Quotas, requireQuota } from '../quota.ts'
import type { GroupRule, SecurityGroupRecord } from './security-group.ts'

/** The groups of those names in a VPC. Throws InvalidGroup.NotFound for the first that is missing. */
export function findGroupsByName(store: Store, vpcId: string, names: readonly string[]): SecurityGroupRecord[] {
  const groups = store.securityGroups.listBy('vpcId', vpcId)
  return names.map((name) => {
    const found = groups.find((group) => group.name === name)
    if (!found)
      throw new Ec2Error(
        'InvalidGroup.NotFound',
        `The security group '${name.slice(0, 255)}' does not exist in VPC '${vpcId}'`,
      )
    return found
  })
}

/** The caller's rule of that id, with its group; undefined when there is none. */
export function findRule(store: Store, scope: Scope, ruleId: string): GroupRule | undefined {
  const [group] = store.securityGroups.listBy('rules[].id', ruleId)
  const rule = group?.rules.find(({ id }) => id === ruleId)
  const isTheirs = group?.accountId === scope.accountId && group.region === scope.region
  return group && rule && isTheirs ? { group, rule } : undefined
}

/** Throws SecurityGroupsPerInterfaceLimitExceeded for more groups than an interface may have. */
export function refuseTooManyGroups(quotas: Quotas, groups: readonly unknown[]): void {
  requireQuota(quotas, 'securityGroupsPerInterface', {
    present: 0,
    added: groups.length,
    code: 'SecurityGroupsPerInterfaceLimitExceeded',
  })
}
