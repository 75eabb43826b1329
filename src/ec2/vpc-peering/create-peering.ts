import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue, missingParameter } from '../errors.ts'
import { findOne, newId, requireWellFormed } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import type { Scope, Store } from '../ports/store.ts'
import { requireQuota } from '../quota.ts'
import { requireAccounts } from '../sharing.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import type { VpcRecord } from '../vpc/vpc.ts'
import { describeInitiation } from './describe-peerings.ts'
import { forgetPeerings, hasOverlap } from './peering-change.ts'
import {
  isSameScope,
  otherSideOf,
  peeringsOfVpc,
  type PeeringRecord,
  peeringStateAt,
  scopeKeyOf,
} from './vpc-peering.ts'

/**
 * CreateVpcPeeringConnection: asks the owner of the other VPC, which may be the caller itself. A VPC that is not there and blocks that
 * overlap make it fail, which is told by its state, as EC2 does: the caller learns nothing of other accounts.
 */
export function createVpcPeeringConnection(domain: Domain): Ec2Mutation<'CreateVpcPeeringConnection'> {
  const { store, random, regions, settings } = domain
  return {
    kind: 'mutation',
    parameters: ['VpcId', 'PeerVpcId', 'PeerOwnerId', 'PeerRegion', 'TagSpecifications'],
    apply: (context, input) => {
      const { accountId, region, now } = context
      if (!input.VpcId) throw missingParameter('vpcId')
      if (!input.PeerVpcId) throw missingParameter('peerVpcId')
      const vpc = findOne('vpc', input.VpcId, (id) => store.vpcs.get(context, id))
      const tags =
        readTagSpecifications(input.TagSpecifications, ['vpc-peering-connection']).get('vpc-peering-connection') ?? []
      if (input.PeerOwnerId) requireAccounts([input.PeerOwnerId], [])
      if (input.PeerRegion && !regions.get(input.PeerRegion)) {
        throw invalidParameterValue('peerRegion', input.PeerRegion.slice(0, 80), 'This is no region.')
      }
      const peerScope = { accountId: input.PeerOwnerId ?? accountId, region: input.PeerRegion ?? region }
      const peer = findPeer(store, context, peerScope, input.PeerVpcId)
      // EC2 documents no code for it ("Error codes for the Amazon EC2 API"): this is the one for values that cannot be used.
      if (peer?.id === vpc.id) {
        throw new Ec2Error('InvalidParameterValue', `The VPC ${vpc.id} cannot be peered with itself`)
      }
      forgetPeerings(store, now)
      const present = peeringsOfVpc(store, vpc.id).filter((peering) => isPresent(peering, now))
      if (present.some((peering) => otherSideOf(peering, vpc.id).vpcId === input.PeerVpcId)) {
        throw new Ec2Error(
          'VpcPeeringConnectionAlreadyExists',
          `A VPC peering connection between ${vpc.id} and ${input.PeerVpcId} already exists.`,
        )
      }
      requireQuota(settings.quotas, 'outstandingPeeringsPerVpc', {
        present: present.filter(({ state, requester }) => state !== 'active' && requester.vpcId === vpc.id).length,
        code: 'OutstandingVpcPeeringConnectionLimitExceeded',
      })
      const isPossible = peer !== undefined && !hasOverlap(vpc, peer)
      const peering: PeeringRecord = {
        accountId,
        region,
        id: newId('pcx', random),
        requester: { accountId, region, vpcId: vpc.id, allowsRemoteDns: false },
        accepter: { ...peerScope, vpcId: input.PeerVpcId, allowsRemoteDns: false },
        ...(isSameScope(context, peerScope) ? {} : { accepterScope: scopeKeyOf(peerScope) }),
        createdAt: now.toISOString(),
        ...(isPossible ? { state: 'pending-acceptance' } : { state: 'failed', endedAt: now.toISOString() }),
      }
      store.peerings.insert(peering)
      putTags(store, context, peering.id, 'vpc-peering-connection', tags)
      return { VpcPeeringConnection: describeInitiation(store, context, peering) }
    },
  }
}

/** The other VPC; of the caller's own account and region it must be there. */
function findPeer(store: Store, own: Scope, peerScope: Scope, id: string): VpcRecord | undefined {
  if (isSameScope(own, peerScope)) return findOne('vpc', id, (known) => store.vpcs.get(peerScope, known))
  requireWellFormed('vpc', id)
  return store.vpcs.get(peerScope, id)
}

function isPresent(peering: PeeringRecord, now: Date): boolean {
  const state = peeringStateAt(peering, now)
  return state === 'active' || state === 'pending-acceptance'
}
