import { labTag } from '../lab.ts'
import { tagOf } from '../observed.ts'
import { findPeer, observeNetwork, tablesOf } from '../observed-network.ts'
import type { Work } from '../plan/plan.ts'
import { tagged } from './network-work.ts'
import { idOf, type Workshop } from './workshop.ts'

/** Completes what an interrupted run has left: the connection, its acceptance, and the routes of the other side. */
export async function putPeering(
  workshop: Workshop,
  { peering, cidr }: Extract<Work, { kind: 'put-peering' }>,
): Promise<void> {
  const { call, lab } = workshop
  const address = `peerings.${peering.key}`
  const network = await observeNetwork(call, lab)
  const PeerVpcId = findPeer(network, peering.peer)?.VpcId
  if (PeerVpcId === undefined) throw new Error(`there is no VPC ${peering.peer} any more`)
  const found = network.peerings.find((record) => tagOf(record, labTag.resource) === address)
  const tags = tagged(workshop, 'vpc-peering-connection', address, peering.name)
  const VpcPeeringConnectionId =
    (
      found ??
      (await call('CreateVpcPeeringConnection', { VpcId: idOf(workshop, 'vpc'), PeerVpcId, ...tags }))
        .VpcPeeringConnection
    )?.VpcPeeringConnectionId ?? ''
  workshop.ids.set(address, VpcPeeringConnectionId)
  if (found?.Status?.Code !== 'active') await accept(workshop, VpcPeeringConnectionId)
  if (!peering.routesBack) return
  for (const { RouteTableId = '', Routes: routes = [] } of await tablesOf(call, [PeerVpcId])) {
    const present = routes.find(({ DestinationCidrBlock: destination }) => destination === cidr)
    if (present?.VpcPeeringConnectionId === VpcPeeringConnectionId) continue
    // One of an earlier connection leads nowhere; any other is somebody's, and the call says that it is there.
    const operation = present?.State === 'blackhole' ? 'ReplaceRoute' : 'CreateRoute'
    await call(operation, { RouteTableId, DestinationCidrBlock: cidr, VpcPeeringConnectionId })
  }
}

async function accept({ call }: Workshop, VpcPeeringConnectionId: string): Promise<void> {
  const { VpcPeeringConnections: found } = await call('DescribeVpcPeeringConnections', {
    VpcPeeringConnectionIds: [VpcPeeringConnectionId],
  })
  const status = found?.[0]?.Status
  if (status?.Code === 'failed') {
    throw new Error(`${VpcPeeringConnectionId} failed: ${status.Message ?? 'no reason is known'}`)
  }
  await call('AcceptVpcPeeringConnection', { VpcPeeringConnectionId })
}

/** Takes the connection away, with the other side's routes over it. */
export async function deletePeering(
  { call }: Workshop,
  { peeringId, peerVpcId }: Extract<Work, { kind: 'delete-peering' }>,
): Promise<void> {
  for (const { RouteTableId, Routes: routes = [] } of await tablesOf(call, [peerVpcId])) {
    for (const { DestinationCidrBlock, VpcPeeringConnectionId: id } of routes)
      if (id === peeringId) await call('DeleteRoute', { RouteTableId, DestinationCidrBlock })
  }
  await call('DeleteVpcPeeringConnection', { VpcPeeringConnectionId: peeringId })
}
