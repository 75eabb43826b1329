import type { Domain } from '../domain.ts'
import { newId } from '../ids.ts'
import { everyIpv6Entries, letsAllIpv4Pass } from '../network-acl/default-acl.ts'
import { everyIpv6Rule, isUntouched } from '../security-group/default-rule.ts'

/**
 * What EC2 does once a VPC has a first block of IPv6 addresses: what lets all IPv4 out, or over the edges of subnets, and was never
 * changed, lets all IPv6 pass as well ("Security group rules", "Default network ACL").
 */
export function allowIpv6({ store, random }: Pick<Domain, 'store' | 'random'>, vpcId: string): void {
  for (const group of store.securityGroups.listBy('vpcId', vpcId)) {
    if (!isUntouched(group)) continue
    store.securityGroups.replace({ ...group, rules: [...group.rules, { id: newId('sgr', random), ...everyIpv6Rule }] })
  }
  for (const acl of store.networkAcls.listBy('vpcId', vpcId)) {
    if (!acl.isDefault) continue
    const added = everyIpv6Entries.filter(({ isEgress }) => letsAllIpv4Pass(acl, isEgress))
    if (added.length > 0) store.networkAcls.replace({ ...acl, entries: [...acl.entries, ...added] })
  }
}
