import { type Lab, labTag } from '../lab.ts'
import type { LabPeering } from '../lab-network.ts'
import { type Observed, tagOf } from '../observed.ts'
import { findPeer, type ObservedNetwork } from '../observed-network.ts'
import { operationId, type PlanDraft } from './plan.ts'

/** Plans the peering connections of a lab's VPC, with the routes back of their other sides. */
export function planPeerings(draft: PlanDraft, lab: Lab, { network }: Observed): void {
  const wanted = [...(lab.network?.peerings.values() ?? [])]
  for (const peering of wanted) planPeering(draft, peering, lab.network?.cidr ?? '', network)
  const addresses = new Set(wanted.map(addressOf))
  removePeerings(draft, {
    ...network,
    peerings: network.peerings.filter((record) => !addresses.has(tagOf(record, labTag.resource) ?? '')),
  })
}

/** Plans that peering connections go. */
export function removePeerings(draft: PlanDraft, { peerings }: Pick<ObservedNetwork, 'peerings'>): void {
  for (const record of peerings) {
    const { VpcPeeringConnectionId: peeringId = '', AccepterVpcInfo: peer } = record
    const address = tagOf(record, labTag.resource) ?? ''
    draft.changes.push({ address, action: 'delete', id: peeringId, details: [] })
    draft.operations.push({
      kind: 'delete-peering',
      id: operationId.deletePeering(peeringId),
      peeringId,
      peerVpcId: peer?.VpcId ?? '',
      // Routes of the lab's own that lead to it go first.
      after: draft.operations.filter(({ kind }) => kind === 'put-routes').map(({ id }) => id),
    })
  }
}

function planPeering(draft: PlanDraft, peering: LabPeering, cidr: string, network: ObservedNetwork): void {
  const address = addressOf(peering)
  const found = network.peerings.find((record) => tagOf(record, labTag.resource) === address)
  const peer = findPeer(network, peering.peer)
  if (!peer) {
    draft.refusals.push(`${address}: this region has no VPC ${peering.peer} of the account.`)
    return
  }
  if (found && found.AccepterVpcInfo?.VpcId !== peer.VpcId) {
    draft.refusals.push(
      `${address} cannot be changed in place: take it out of the manifest first, or call it otherwise.`,
    )
    return
  }
  const lacking = found && peering.routesBack ? tablesWithoutRoute(network, found, cidr) : []
  if (found?.Status?.Code === 'active' && lacking.length === 0) return
  draft.operations.push({
    kind: 'put-peering',
    id: operationId.putPeering(address),
    peering,
    cidr,
    after: [operationId.putVpc],
  })
  const routes = lacking.map((id) => ({ name: `route ${cidr} of ${id}`, new: address }))
  const details = [...(found ? [] : [{ name: 'peer', new: peering.peer }]), ...routes]
  draft.changes.push({ address, action: found ? 'update' : 'create', details })
}

/** Ids of the other VPC's route tables that do not lead to the lab over the connection. */
function tablesWithoutRoute(
  { peerTables }: ObservedNetwork,
  { VpcPeeringConnectionId: id, AccepterVpcInfo: peer }: ObservedNetwork['peerings'][number],
  cidr: string,
): string[] {
  return peerTables
    .filter(({ VpcId: vpcId }) => vpcId === peer?.VpcId)
    .filter(
      ({ Routes: routes = [] }) =>
        !routes.some((route) => route.DestinationCidrBlock === cidr && route.VpcPeeringConnectionId === id),
    )
    .map(({ RouteTableId: tableId = '' }) => tableId)
}

function addressOf({ key }: LabPeering): string {
  return `peerings.${key}`
}
