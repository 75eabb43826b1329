import type {
  Address,
  EgressOnlyInternetGateway,
  InternetGateway,
  NatGateway,
  Route,
  RouteTable,
  Subnet,
  Vpc,
  VpcPeeringConnection,
} from '@aws-sdk/client-ec2'
import type { Jsonified, OperationCaller } from '../api/contract.ts'
import { labTag } from './lab.ts'

/** What there is of a lab's own network: all of it carries the lab's tags. */
export interface ObservedNetwork {
  readonly vpc?: Jsonified<Vpc>
  readonly internetGateway?: Jsonified<InternetGateway>
  readonly egressOnlyGateway?: Jsonified<EgressOnlyInternetGateway>
  readonly subnets: readonly Jsonified<Subnet>[]
  readonly routeTables: readonly Jsonified<RouteTable>[]
  /** Those that are neither deleted nor failed. */
  readonly natGateways: readonly Jsonified<NatGateway>[]
  readonly addresses: readonly Jsonified<Address>[]
  /** Peering connections that are active, or wait to be. */
  readonly peerings: readonly Jsonified<VpcPeeringConnection>[]
  /** The other VPCs of the region, not the lab's: any may be a peer. */
  readonly otherVpcs: readonly Jsonified<Vpc>[]
  /** Route tables of those that are. */
  readonly peerTables: readonly Jsonified<RouteTable>[]
}

export const noNetwork: ObservedNetwork = {
  ...{ subnets: [], routeTables: [], natGateways: [], addresses: [] },
  ...{ peerings: [], otherVpcs: [], peerTables: [] },
}

/** Asks the daemon for it. */
export async function observeNetwork(call: OperationCaller, lab: string): Promise<ObservedNetwork> {
  const own = { Name: `tag:${labTag.lab}`, Values: [lab] }
  const [vpcs, gateways, egressOnlyGateways, subnets, tables, natGateways, addresses, connections] = await Promise.all([
    call('DescribeVpcs', {}),
    call('DescribeInternetGateways', { Filters: [own] }),
    call('DescribeEgressOnlyInternetGateways', { Filters: [own] }),
    call('DescribeSubnets', { Filters: [own] }),
    call('DescribeRouteTables', { Filters: [own] }),
    call('DescribeNatGateways', { Filter: [own, { Name: 'state', Values: ['pending', 'available'] }] }),
    call('DescribeAddresses', { Filters: [own] }),
    call('DescribeVpcPeeringConnections', {
      Filters: [own, { Name: 'status-code', Values: ['active', 'pending-acceptance'] }],
    }),
  ])
  const isOwn = ({ Tags: tags = [] }: Jsonified<Vpc>) =>
    tags.some(({ Key: key, Value: value }) => key === labTag.lab && value === lab)
  const vpc = vpcs.Vpcs?.find(isOwn)
  const peerings = connections.VpcPeeringConnections ?? []
  const peerIds = peerings.flatMap(({ AccepterVpcInfo: peer }) => peer?.VpcId ?? [])
  const internetGateway = gateways.InternetGateways?.[0]
  const egressOnlyGateway = egressOnlyGateways.EgressOnlyInternetGateways?.[0]
  return {
    ...(vpc ? { vpc } : {}),
    ...(internetGateway ? { internetGateway } : {}),
    ...(egressOnlyGateway ? { egressOnlyGateway } : {}),
    subnets: subnets.Subnets ?? [],
    routeTables: tables.RouteTables ?? [],
    natGateways: natGateways.NatGateways ?? [],
    addresses: addresses.Addresses ?? [],
    peerings,
    otherVpcs: (vpcs.Vpcs ?? []).filter((other) => !isOwn(other)),
    peerTables: await tablesOf(call, peerIds),
  }
}

/** The IPv6 block of a VPC, the first one where it has several; undefined when it has none. */
export function ipv6BlockOfVpc(vpc: Jsonified<Vpc> | undefined): string | undefined {
  const blocks = vpc?.Ipv6CidrBlockAssociationSet ?? []
  return blocks.find(({ Ipv6CidrBlockState: state }) => state?.State === 'associated')?.Ipv6CidrBlock
}

/** The same of a subnet. */
export function ipv6BlockOfSubnet(subnet: Jsonified<Subnet> | undefined): string | undefined {
  const blocks = subnet?.Ipv6CidrBlockAssociationSet ?? []
  return blocks.find(({ Ipv6CidrBlockState: state }) => state?.State === 'associated')?.Ipv6CidrBlock
}

/** The route tables of VPCs. */
export async function tablesOf(call: OperationCaller, vpcIds: readonly string[]): Promise<Jsonified<RouteTable>[]> {
  if (vpcIds.length === 0) return []
  const { RouteTables: tables = [] } = await call('DescribeRouteTables', {
    Filters: [{ Name: 'vpc-id', Values: [...vpcIds] }],
  })
  return tables
}

/** The VPC that a peering of a manifest means; undefined when there is none. */
export function findPeer({ otherVpcs }: Pick<ObservedNetwork, 'otherVpcs'>, peer: string): Jsonified<Vpc> | undefined {
  const lab = /^labs\.(.*)$/.exec(peer)?.[1]
  return otherVpcs.find(({ VpcId: id, IsDefault: isDefault = false, Tags: tags = [] }) => {
    if (peer === 'default') return isDefault
    return lab === undefined
      ? id === peer
      : tags.some(({ Key: key, Value: value }) => key === labTag.lab && value === lab)
  })
}

/**
 * Whether a route of a lab's table is the lab's to keep or to take away: not the local one, nor one that leads over a connection which another
 * lab, or somebody else, has made with this one's VPC.
 */
export function isLabsOwn(
  { Origin, State, VpcPeeringConnectionId: id }: Pick<Jsonified<Route>, 'Origin' | 'State' | 'VpcPeeringConnectionId'>,
  isOwnPeering: (id: string) => boolean,
): boolean {
  return Origin === 'CreateRoute' && (id === undefined || State !== 'active' || isOwnPeering(id))
}
