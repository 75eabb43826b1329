import type { UserIdGroupPair } from '@aws-sdk/client-ec2'
import type { Store } from '../ports/store.ts'
import type { SecurityGroupRecord, SecurityGroupRule } from './security-group.ts'

/** The group that a rule names, in EC2's shape; what it is behind a peering connection is told only of another VPC's. */
export function describePeerGroup(
  store: Store,
  group: SecurityGroupRecord,
  { peerGroupId, peering }: SecurityGroupRule,
): UserIdGroupPair {
  if (!peering) return { GroupId: peerGroupId, UserId: group.accountId }
  return {
    GroupId: peerGroupId,
    UserId: peering.accountId,
    VpcId: peering.vpcId,
    VpcPeeringConnectionId: peering.connectionId,
    PeeringStatus: isPeeringActive(store, peering.connectionId) ? 'active' : 'deleted',
  }
}

/** Whether a rule names a group that is not there any more, or cannot be come to: EC2 calls it stale. */
export function isStale(store: Store, { peerGroupId, peering }: SecurityGroupRule): boolean {
  if (!peerGroupId || !peering) return false
  return !isPeeringActive(store, peering.connectionId) || store.securityGroups.find(peerGroupId) === undefined
}

function isPeeringActive(store: Store, connectionId: string): boolean {
  return store.peerings.find(connectionId)?.state === 'active'
}
