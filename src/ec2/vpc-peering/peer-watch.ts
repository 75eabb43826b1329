import { readPartitions } from '../fault/read-impairments.ts'
import type { InterfaceRecord } from '../network-interface/network-interface.ts'
import type { Clock } from '../../host/clock.ts'
import type { Store } from '../ports/store.ts'
import type { VpcRecord } from '../vpc/vpc.ts'
import { peersOfVpc, readPeerings, readPeerNames } from './read-peerings.ts'

/**
 * Knows which VPCs must hear of a change in one that they are peered with: members of groups that their rules name,
 * its blocks, its names and the addresses of its side of a partition.
 */
export interface PeerWatch {
  /** The network of that VPC is being told of its peers as they are now. */
  note(vpcId: string): void
  /** The peers of a VPC that were told something else of it than what is so now. */
  outdatedPeersOf(vpcId: string): string[]
}

export function createPeerWatch(
  store: Store,
  clock: Pick<Clock, 'now'>,
  isLive: (record: InterfaceRecord) => boolean,
): PeerWatch {
  const told = new Map<string, string>()
  const describePeers = (vpc: VpcRecord) =>
    JSON.stringify([
      readPeerings(store, vpc, isLive),
      readPeerNames(store, vpc),
      readPartitions(store, vpc, clock.now()),
    ])
  return {
    note: (vpcId) => {
      const vpc = store.vpcs.find(vpcId)
      if (vpc) told.set(vpcId, describePeers(vpc))
      else told.delete(vpcId)
    },
    outdatedPeersOf: (vpcId) =>
      peersOfVpc(store, vpcId).filter((peerId) => {
        const peer = told.has(peerId) ? store.vpcs.find(peerId) : undefined
        return peer !== undefined && describePeers(peer) !== told.get(peerId)
      }),
  }
}
