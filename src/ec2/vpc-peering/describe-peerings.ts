import type { VpcPeeringConnection, VpcPeeringConnectionVpcInfo } from '@aws-sdk/client-ec2'
import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import type { CallContext, Ec2Query } from '../operation.ts'
import type { Scope, Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import { cidrsOf, ipv6CidrsOf, type VpcRecord } from '../vpc/vpc.ts'
import {
  expiryOf,
  findPeering,
  isPeeringVisible,
  peeringsOfBoth,
  type PeeringRecord,
  type PeeringSide,
  type PeeringState,
  peeringStateAt,
} from './vpc-peering.ts'

/** DescribeVpcPeeringConnections: those of the caller's VPCs, from whichever side they were asked for. */
export function describeVpcPeeringConnections({ store }: Domain): Ec2Query<'DescribeVpcPeeringConnections'> {
  return {
    kind: 'query',
    parameters: ['VpcPeeringConnectionIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: peeringFilters(store, { accountId: '', region: '', now: new Date(0) }).names,
    answer: (context, input) => {
      const ids = input.VpcPeeringConnectionIds
      for (const id of ids ?? []) findPeering(store, context, id)
      const source: DescribeSource<PeeringRecord> = {
        collection: peeringsOfBoth(store),
        prefix: 'pcx',
        idParameter: 'vpcPeeringConnectionIds',
        limits: { minimum: 5, maximum: 1000 },
        filters: peeringFilters(store, context),
      }
      const page = selectRecords(source, context, {
        ...input,
        ids,
        where: (peering) => isPeeringVisible(peering, context, context.now),
      })
      return {
        VpcPeeringConnections: page.records.map((peering) => describePeering(store, context, peering)),
        ...page.token,
      }
    },
  }
}

function peeringFilters(store: Store, scope: Pick<CallContext, 'accountId' | 'region' | 'now'>) {
  const described = (peering: PeeringRecord) => describePeering(store, scope, peering)
  const blocksOf = (info: VpcPeeringConnectionVpcInfo | undefined) =>
    info?.CidrBlockSet?.map(({ CidrBlock }) => CidrBlock) ?? []
  return defineFilters<PeeringRecord>(
    {
      'accepter-vpc-info.cidr-block': (peering) => blocksOf(described(peering).AccepterVpcInfo),
      'accepter-vpc-info.owner-id': ({ accepter }) => accepter.accountId,
      'accepter-vpc-info.vpc-id': { read: ({ accepter }) => accepter.vpcId, index: 'accepter.vpcId' },
      'expiration-time': (peering) => described(peering).ExpirationTime?.toISOString(),
      'requester-vpc-info.cidr-block': (peering) => blocksOf(described(peering).RequesterVpcInfo),
      'requester-vpc-info.owner-id': ({ requester }) => requester.accountId,
      'requester-vpc-info.vpc-id': { read: ({ requester }) => requester.vpcId, index: 'requester.vpcId' },
      'status-code': (peering) => peeringStateAt(peering, scope.now),
      'status-message': (peering) => described(peering).Status?.Message,
      'vpc-peering-connection-id': { read: ({ id }) => id, index: 'id' },
    },
    ({ id }) => store.tags.of(id, scope),
  )
}

/** A peering connection in EC2's shape, with the caller's own tags. The accepter's blocks are told once it is active. */
export function describePeering(
  store: Store,
  { accountId, region, now }: Pick<CallContext, 'accountId' | 'region' | 'now'>,
  peering: PeeringRecord,
): VpcPeeringConnection {
  const state = peeringStateAt(peering, now)
  const isActive = state === 'active'
  return {
    VpcPeeringConnectionId: peering.id,
    RequesterVpcInfo: describeSide(store, peering.requester, { isActive, hasCidrs: true }),
    AccepterVpcInfo: describeSide(store, peering.accepter, { isActive, hasCidrs: isActive }),
    Status: { Code: state, Message: messageOf(peering, state) },
    ...(state === 'pending-acceptance' ? { ExpirationTime: expiryOf(peering) } : {}),
    Tags: describeTags(store.tags.of(peering.id, { accountId, region })),
  }
}

function describeSide(
  store: Store,
  { vpcId, accountId, region, allowsRemoteDns }: PeeringSide,
  { isActive, hasCidrs }: { isActive: boolean; hasCidrs: boolean },
): VpcPeeringConnectionVpcInfo {
  const vpc = hasCidrs ? store.vpcs.find(vpcId) : undefined
  return {
    VpcId: vpcId,
    OwnerId: accountId,
    Region: region,
    ...(vpc ? describeBlocks(vpc) : {}),
    ...(isActive ? { PeeringOptions: describeOptions(allowsRemoteDns) } : {}),
  }
}

function describeBlocks(vpc: VpcRecord): VpcPeeringConnectionVpcInfo {
  const ipv6 = ipv6CidrsOf(vpc)
  return {
    CidrBlock: vpc.cidr,
    CidrBlockSet: cidrsOf(vpc).map((CidrBlock) => ({ CidrBlock })),
    ...(ipv6.length > 0 ? { Ipv6CidrBlockSet: ipv6.map((Ipv6CidrBlock) => ({ Ipv6CidrBlock })) } : {}),
  }
}

/** The options of one side in EC2's shape; those of EC2-Classic are off for ever. */
export function describeOptions(allowsRemoteDns: boolean) {
  return {
    AllowDnsResolutionFromRemoteVpc: allowsRemoteDns,
    AllowEgressFromLocalClassicLinkToRemoteVpc: false,
    AllowEgressFromLocalVpcToRemoteClassicLink: false,
  }
}

function messageOf({ accepter, deletedBy }: PeeringRecord, state: PeeringState): string {
  switch (state) {
    case 'active':
      return 'Active'
    case 'pending-acceptance':
      return `Pending Acceptance by ${accepter.accountId}`
    case 'expired':
      return 'Expired'
    case 'rejected':
      return `Rejected by ${accepter.accountId}`
    case 'deleted':
      return `Deleted by ${deletedBy?.accountId ?? accepter.accountId}`
    case 'failed':
      return 'Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range'
  }
}

/** What creating one answers, before anybody was asked. */
export function describeInitiation(store: Store, scope: Scope & { now: Date }, peering: PeeringRecord) {
  const Status = {
    Code: 'initiating-request' as const,
    Message: `Initiating Request to ${peering.accepter.accountId}`,
  }
  return { ...describePeering(store, scope, peering), Status, ExpirationTime: expiryOf(peering) }
}
