import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { describePeering } from './describe-peerings.ts'
import { hasOverlap, invalidTransition, refreshBoth } from './peering-change.ts'
import { findPeering, isSameScope, peeringsOfVpc, type PeeringRecord, peeringStateAt } from './vpc-peering.ts'

/** AcceptVpcPeeringConnection: by the other VPC's owner, in its region, also where both are the same account. */
export function acceptVpcPeeringConnection(domain: Domain): Ec2Mutation<'AcceptVpcPeeringConnection'> {
  const { store, settings } = domain
  return {
    kind: 'mutation',
    parameters: ['VpcPeeringConnectionId'],
    apply: (context, input) => {
      const peering = findPending(domain, context, input.VpcPeeringConnectionId, 'accept')
      const { requester, accepter } = peering
      for (const { vpcId } of [requester, accepter]) {
        requireQuota(settings.quotas, 'activePeeringsPerVpc', {
          present: peeringsOfVpc(store, vpcId).filter(({ state }) => state === 'active').length,
          code: 'ActiveVpcPeeringConnectionPerVpcLimitExceeded',
        })
      }
      const [vpc, peer] = [requester, accepter].map(({ vpcId }) => store.vpcs.find(vpcId))
      // Blocks may have been added since it was asked for.
      const isPossible = vpc && peer && !hasOverlap(vpc, peer)
      const accepted: PeeringRecord = isPossible
        ? { ...peering, state: 'active' }
        : { ...peering, state: 'failed', endedAt: context.now.toISOString() }
      store.peerings.replace(accepted)
      refreshBoth(domain, context, accepted)
      return { VpcPeeringConnection: describePeering(store, context, accepted) }
    },
  }
}

/** RejectVpcPeeringConnection: by the owner of the other VPC. */
export function rejectVpcPeeringConnection(domain: Domain): Ec2Mutation<'RejectVpcPeeringConnection'> {
  return {
    kind: 'mutation',
    parameters: ['VpcPeeringConnectionId'],
    apply: (context, input) => {
      const peering = findPending(domain, context, input.VpcPeeringConnectionId, 'reject')
      domain.store.peerings.replace({ ...peering, state: 'rejected', endedAt: context.now.toISOString() })
      return { Return: true }
    },
  }
}

function findPending(
  { store }: Domain,
  context: MutationContext,
  id: string | undefined,
  verb: 'accept' | 'reject',
): PeeringRecord {
  const peering = findPeering(store, context, id)
  const { accepter } = peering
  if (!isSameScope(accepter, context)) {
    throw new Ec2Error(
      'OperationNotPermitted',
      accepter.accountId === context.accountId
        ? `Incorrect region (${context.region}) specified for this request. VPC peering connection ${peering.id} must be ${verb}ed in region ${accepter.region}`
        : `User ${context.accountId} cannot ${verb} peering ${peering.id}`,
    )
  }
  const state = peeringStateAt(peering, context.now)
  if (state === 'pending-acceptance') return peering
  throw invalidTransition(peering.id, state, verb === 'accept' ? 'active' : 'rejected')
}
