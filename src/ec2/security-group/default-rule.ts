import type { RuleDraft } from './permission.ts'
import type { SecurityGroupRecord, SecurityGroupRule } from './security-group.ts'
import { newId } from '../ids.ts'
import type { Random } from '../../host/random.ts'

const allOut = { isEgress: true, protocol: '-1', fromPort: -1, toPort: -1 } as const

/** To everybody by IPv4, as every new group lets. */
const everyIpv4Rule: RuleDraft = { ...allOut, cidrIpv4: '0.0.0.0/0' }
/** To everybody by IPv6, as groups of VPCs with IPv6 blocks do as well. */
export const everyIpv6Rule: RuleDraft = { ...allOut, cidrIpv6: '::/0' }

/** The rules that a group begins with: everything out. */
export function newGroupRules(random: Random, { hasIpv6 }: { hasIpv6: boolean }): SecurityGroupRule[] {
  return [everyIpv4Rule, ...(hasIpv6 ? [everyIpv6Rule] : [])].map((rule) => ({ id: newId('sgr', random), ...rule }))
}

/** Whether what a group lets out is what it began with, in a VPC without IPv6. */
export function isUntouched({ rules }: SecurityGroupRecord): boolean {
  const [first, ...others] = rules.filter(({ isEgress }) => isEgress)
  return first?.protocol === '-1' && first.cidrIpv4 === '0.0.0.0/0' && others.length === 0
}
