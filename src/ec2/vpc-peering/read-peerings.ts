import { privateNameOf, publicNameOf } from '../network-interface/dns-name.ts'
import { addressesOf, type InterfaceRecord } from '../network-interface/network-interface.ts'
import type { PeeringNetwork } from '../ports/vpc-network.ts'
import type { Store } from '../ports/store.ts'
import type { HostNames } from '../vpc/interface-name.ts'
import { givesPublicNames, localCidrsOf, type VpcRecord } from '../vpc/vpc.ts'
import { otherSideOf, peeringsOfVpc } from './vpc-peering.ts'

/** The active peering connections of a VPC for the network. `isLive` tells whether an interface belongs to a machine that may run. */
export function readPeerings(
  store: Store,
  { id: vpcId, region }: VpcRecord,
  isLive: (record: InterfaceRecord) => boolean,
): PeeringNetwork[] {
  return peeringsOfVpc(store, vpcId).flatMap((peering) => {
    const peer = peering.state === 'active' ? store.vpcs.find(otherSideOf(peering, vpcId).vpcId) : undefined
    if (!peer) return []
    const groupIds = remoteGroupIds(store, vpcId, peering.id)
    const groups = groupIds.map((id) => ({
      id,
      addresses: store.interfaces
        .listBy('groupIds[]', id)
        .filter((record) => record.vpcId === peer.id && isLive(record))
        .flatMap((record) => [
          ...addressesOf(record).map(({ privateIp }) => privateIp),
          ...(record.ipv6Addresses ?? []),
        ]),
    }))
    const isInterRegion = peer.region !== region
    return [{ id: peering.id, peerVpcId: peer.id, isInterRegion, cidrs: localCidrsOf(peer), groups }]
  })
}

/**
 * The names that a VPC's guests resolve behind its connections: where the other side allows it, its public names stand for its private
 * addresses here as they do there, and these have their private names.
 */
export function readPeerNames(store: Store, { id: vpcId }: VpcRecord): HostNames[] {
  return peeringsOfVpc(store, vpcId).flatMap((peering) => {
    const other = otherSideOf(peering, vpcId)
    const peer = peering.state === 'active' && other.allowsRemoteDns ? store.vpcs.find(other.vpcId) : undefined
    if (!peer || !givesPublicNames(peer)) return []
    return store.interfaces
      .listBy('vpcId', peer.id)
      .flatMap((record) =>
        addressesOf(record).flatMap(({ privateIp, publicIp }) =>
          publicIp === undefined
            ? []
            : [{ privateIp, names: [privateNameOf(privateIp, peer.region), publicNameOf(publicIp, peer.region)] }],
        ),
      )
  })
}

/** The VPCs that active peering connections lead to. */
export function peersOfVpc(store: Store, vpcId: string): string[] {
  return peeringsOfVpc(store, vpcId)
    .filter(({ state }) => state === 'active')
    .map((peering) => otherSideOf(peering, vpcId).vpcId)
}

/** The groups behind a connection that rules of a VPC name. */
function remoteGroupIds(store: Store, vpcId: string, connectionId: string): string[] {
  const rules = store.securityGroups.listBy('vpcId', vpcId).flatMap((group) => group.rules)
  const named = rules.flatMap(({ peerGroupId, peering }) =>
    peerGroupId !== undefined && peering?.connectionId === connectionId ? [peerGroupId] : [],
  )
  return [...new Set(named)].filter((id) => store.securityGroups.find(id) !== undefined)
}
