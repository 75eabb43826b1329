import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { parseIpv4Block } from '../ipv4.ts'
import type { MutationContext } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { isConflicting } from '../vpc/cidr-rule.ts'
import { cidrsOf, type VpcRecord } from '../vpc/vpc.ts'
import { isPeeringVisible, type PeeringRecord } from './vpc-peering.ts'

/** Whether any two blocks of two VPCs share an address: then they cannot be joined. */
export function hasOverlap(vpc: VpcRecord, other: VpcRecord): boolean {
  return cidrsOf(vpc).some((cidr) => {
    const block = parseIpv4Block(cidr)
    return block !== undefined && isConflicting(block, cidrsOf(other))
  })
}

/** EC2's error for what a connection's state does not allow. */
export function invalidTransition(id: string, from: string, to: string): Ec2Error {
  return new Ec2Error(
    'InvalidStateTransition',
    `Invalid state transition for ${id}, attempted to transition from ${from} to ${to}`,
  )
}

/** The packets of both VPCs follow. */
export function refreshBoth({ networks }: Domain, context: MutationContext, peering: PeeringRecord): void {
  const { requester, accepter } = peering
  context.afterCommit(() => {
    for (const { vpcId } of [requester, accepter]) networks.refreshSoon(vpcId)
  })
}

/** Removes what nobody sees any more. */
export function forgetPeerings(store: Store, now: Date): void {
  for (const peering of store.peerings.listAll()) {
    const isSeen = [peering.requester, peering.accepter].some((scope) => isPeeringVisible(peering, scope, now))
    if (isSeen) continue
    store.peerings.remove(peering.id)
    store.tags.removeAll(peering.id)
  }
}
