import type { ResourceRecord } from '../ports/store.ts'

/** One rule, as DescribeSecurityGroupRules lists it. Exactly one of cidrIpv4, cidrIpv6, prefixListId and peerGroupId is set. */
export interface SecurityGroupRule {
  readonly id: string
  readonly isEgress: boolean
  /** `-1`, `tcp`, `udp`, `icmp`, `icmpv6` or a protocol number. */
  readonly protocol: string
  /** -1 where EC2 says "all". For ICMP the type. */
  readonly fromPort: number
  /** -1 where EC2 says "all". For ICMP the code. */
  readonly toPort: number
  readonly cidrIpv4?: string
  readonly cidrIpv6?: string
  readonly prefixListId?: string
  readonly peerGroupId?: string
  readonly description?: string | undefined
}

export interface SecurityGroupRecord extends ResourceRecord {
  readonly name: string
  readonly description: string
  readonly vpcId: string
  readonly rules: readonly SecurityGroupRule[]
}

/** A rule with the group that it belongs to. */
export interface GroupRule {
  readonly group: SecurityGroupRecord
  readonly rule: SecurityGroupRule
}
