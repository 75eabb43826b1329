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
  /** Of a `peerGroupId` of another VPC: how it was come to when the rule was made. */
  readonly peering?: GroupPeering
  readonly description?: string | undefined
}

/** A group behind a peering connection. The rule is stale once the connection, or the group, is gone. */
export interface GroupPeering {
  readonly connectionId: string
  readonly vpcId: string
  readonly accountId: string
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
