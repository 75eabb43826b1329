import type { ClosedNetworks } from '../ports/network.ts'
import type { PeeringNetwork, VpcNetwork } from '../ports/vpc-network.ts'
import { type Trace, type TraceRequest, tracePacket } from './trace.ts'

/** A VPC, and what is known of the networks around it. */
export interface KnownNetworks {
  readonly vpc: VpcNetwork
  /** By their ids those that it is peered with; undefined for one that is not to be looked into. */
  readonly peerOf: (vpcId: string) => VpcNetwork | undefined
  /** What of the host's own network its guests do not reach; absent: that is not looked at. */
  readonly closed?: ClosedNetworks
}

/** A packet's way, through a second VPC where it crosses a peering connection. */
export interface FollowedTrace extends Trace {
  /** Where it ends. */
  readonly vpc: VpcNetwork
}

/** Follows a packet from a VPC to where it comes to. A packet crosses one peering connection at most. Pure. */
export function followPacket(networks: KnownNetworks, request: Omit<TraceRequest, 'closed'>): FollowedTrace {
  const around = networks.closed ? { closed: networks.closed } : {}
  const there = tracePacket({ ...request, ...around })
  if (there.end?.kind !== 'peer') return { ...there, vpc: request.vpc }
  const { peering } = there.end
  const other = peering.peerVpcId === networks.vpc.id ? networks.vpc : networks.peerOf(peering.peerVpcId)
  const theirs = other?.peerings.find(({ id }) => id === peering.id)
  if (!other || !theirs) return { ...stopAt(there, peering, request.isAnswer), vpc: request.vpc }
  const { translations } = request
  const beyond = tracePacket({
    ...{ vpc: other, packet: there.packet, from: { kind: 'peer', peering: theirs }, isAnswer: request.isAnswer },
    ...(translations ? { translations } : {}),
    ...around,
  })
  return {
    ...beyond,
    hops: [...there.hops, ...beyond.hops],
    obstacles: [...there.obstacles, ...beyond.obstacles],
    translations: [...there.translations, ...beyond.translations],
    vpc: other,
  }
}

function stopAt({ end: _end, ...trace }: Trace, { id, peerVpcId }: PeeringNetwork, isOfAnswer: boolean): Trace {
  const text = `${id} leads to ${peerVpcId}, which is not looked into: it is another account's, or one of the two is going`
  const hop = trace.hops.at(-1)
  const obstacle = { code: 'BAD_STATE' as const, text, isOfAnswer, ...(hop ? { hop } : {}) }
  return { ...trace, obstacles: [...trace.obstacles, obstacle] }
}
