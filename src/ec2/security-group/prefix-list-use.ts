import type { Domain } from '../domain.ts'
import type { PrefixListRecord } from '../prefix-list/prefix-list.ts'
import type { Store } from '../ports/store.ts'
import { requireQuota } from '../quota.ts'
import type { SecurityGroupRecord, SecurityGroupRule } from './security-group.ts'

/** The groups with a rule that names the list. */
export function groupsNaming(store: Store, list: PrefixListRecord): SecurityGroupRecord[] {
  return store.securityGroups.listBy('rules[].prefixListId', list.id)
}

/**
 * Throws RulesPerSecurityGroupLimitExceeded when a group may not have those rules beside the present ones. A rule that names a prefix
 * list counts for as many as the list may have entries ("Prefix lists concepts and rules").
 */
export function requireRuleRoom(
  { store, settings }: Domain,
  added: readonly SecurityGroupRule[],
  present: readonly SecurityGroupRule[] = [],
): void {
  for (const isEgress of [false, true]) {
    const weigh = (rules: readonly SecurityGroupRule[]) =>
      rules
        .filter((rule) => rule.isEgress === isEgress)
        .map(({ prefixListId }) => (prefixListId && store.prefixLists.find(prefixListId)?.maxEntries) || 1)
        .reduce((sum, weight) => sum + weight, 0)
    if (weigh(added) === 0) continue
    requireQuota(settings.quotas, 'rulesPerSecurityGroup', {
      present: weigh(present),
      added: weigh(added),
      code: 'RulesPerSecurityGroupLimitExceeded',
    })
  }
}
