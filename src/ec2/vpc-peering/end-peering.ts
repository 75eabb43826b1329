import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import type { Ec2Mutation } from '../operation.ts'
import { invalidTransition, refreshBoth } from './peering-change.ts'
import { findPeering, type PeeringRecord, peeringStateAt, rolesOf } from './vpc-peering.ts'

/** DeleteVpcPeeringConnection: an active one by either owner, a request by who made it. Routes over it become blackholes. */
export function deleteVpcPeeringConnection(domain: Domain): Ec2Mutation<'DeleteVpcPeeringConnection'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['VpcPeeringConnectionId'],
    apply: (context, input) => {
      const peering = findPeering(store, context, input.VpcPeeringConnectionId)
      const state = peeringStateAt(peering, context.now)
      if (state === 'pending-acceptance' && !rolesOf(peering, context).includes('requester')) {
        throw new Ec2Error('OperationNotPermitted', `User ${context.accountId} cannot delete peering ${peering.id}`)
      }
      if (state !== 'active' && state !== 'pending-acceptance') throw invalidTransition(peering.id, state, 'deleting')
      const { accountId, region, now } = context
      const deleted: PeeringRecord = {
        ...peering,
        state: 'deleted',
        endedAt: now.toISOString(),
        deletedBy: { accountId, region },
      }
      store.peerings.replace(deleted)
      refreshBoth(domain, context, deleted)
      return { Return: true }
    },
  }
}
