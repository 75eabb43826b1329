import type { OperationCaller } from '../../../src/api/contract.ts'
import type { Changes } from './changes.ts'
import type { Ground } from './ground.ts'

const everywhere = '::/0'

/** The kinds that are of IPv6 alone. They touch nothing that those of changes.ts do. */
export function createIpv6Changes(call: OperationCaller, ground: Ground): Changes {
  const { vpcId, peerVpcId, web, peer } = ground

  async function addressesOf(NetworkInterfaceId: string): Promise<string[]> {
    const { NetworkInterfaces: [own] = [] } = await call('DescribeNetworkInterfaces', {
      NetworkInterfaceIds: [NetworkInterfaceId],
    })
    return (own?.Ipv6Addresses ?? []).flatMap(({ Ipv6Address }) => Ipv6Address ?? [])
  }

  async function hasWayOut(RouteTableId: string): Promise<boolean> {
    const { RouteTables: [table] = [] } = await call('DescribeRouteTables', { RouteTableIds: [RouteTableId] })
    return table?.Routes?.some(({ DestinationIpv6CidrBlock }) => DestinationIpv6CidrBlock === everywhere) ?? false
  }

  /** From a VPC without IPv6 to a machine that has an address of it, and back to a VPC without. */
  async function changeBlocks(): Promise<unknown> {
    const { Vpcs: [vpc] = [] } = await call('DescribeVpcs', { VpcIds: [peerVpcId] })
    const { Subnets: [subnet] = [] } = await call('DescribeSubnets', { SubnetIds: [ground.peerSubnetId] })
    const [ofVpc, ofSubnet] = [vpc?.Ipv6CidrBlockAssociationSet?.[0], subnet?.Ipv6CidrBlockAssociationSet?.[0]]
    const NetworkInterfaceId = peer.interfaceId
    if (ofVpc) {
      const Ipv6Addresses = await addressesOf(NetworkInterfaceId)
      if (Ipv6Addresses.length > 0) await call('UnassignIpv6Addresses', { NetworkInterfaceId, Ipv6Addresses })
      if (ofSubnet) await call('DisassociateSubnetCidrBlock', { AssociationId: ofSubnet.AssociationId ?? '' })
      return await call('DisassociateVpcCidrBlock', { AssociationId: ofVpc.AssociationId ?? '' })
    }
    const { Ipv6CidrBlockAssociation: made } = await call('AssociateVpcCidrBlock', {
      VpcId: peerVpcId,
      AmazonProvidedIpv6CidrBlock: true,
    })
    const Ipv6CidrBlock = made?.Ipv6CidrBlock?.replace('/56', '/64') ?? ''
    await call('AssociateSubnetCidrBlock', { SubnetId: ground.peerSubnetId, Ipv6CidrBlock })
    return await call('AssignIpv6Addresses', { NetworkInterfaceId, Ipv6AddressCount: 1 })
  }

  async function changeAddresses(): Promise<unknown> {
    const NetworkInterfaceId = web.interfaceId
    const Ipv6Addresses = await addressesOf(NetworkInterfaceId)
    return Ipv6Addresses.length > 0
      ? await call('UnassignIpv6Addresses', { NetworkInterfaceId, Ipv6Addresses })
      : await call('AssignIpv6Addresses', { NetworkInterfaceId, Ipv6AddressCount: 2 })
  }

  async function changeRoute(): Promise<unknown> {
    const route = { RouteTableId: ground.mainTableId, DestinationIpv6CidrBlock: everywhere }
    if (await hasWayOut(ground.mainTableId)) return await call('DeleteRoute', route)
    return await call('CreateRoute', { ...route, GatewayId: ground.gatewayId })
  }

  async function changeEgressOnlyGateway(): Promise<unknown> {
    const route = { RouteTableId: ground.tableId, DestinationIpv6CidrBlock: everywhere }
    const { EgressOnlyInternetGateways: [present] = [] } = await call('DescribeEgressOnlyInternetGateways', {})
    if (await hasWayOut(ground.tableId)) await call('DeleteRoute', route)
    if (present) {
      const EgressOnlyInternetGatewayId = present.EgressOnlyInternetGatewayId ?? ''
      return await call('DeleteEgressOnlyInternetGateway', { EgressOnlyInternetGatewayId })
    }
    const { EgressOnlyInternetGateway: made } = await call('CreateEgressOnlyInternetGateway', { VpcId: vpcId })
    const EgressOnlyInternetGatewayId = made?.EgressOnlyInternetGatewayId ?? ''
    return await call('CreateRoute', { ...route, EgressOnlyInternetGatewayId })
  }

  /** That which EC2 adds when a VPC gets IPv6. */
  async function changeDefaultGroup(): Promise<unknown> {
    const GroupId = ground.defaultGroupId
    const { SecurityGroups: [group] = [] } = await call('DescribeSecurityGroups', { GroupIds: [GroupId] })
    const isThere = group?.IpPermissionsEgress?.some(({ Ipv6Ranges: ranges = [] }) => ranges.length > 0)
    const change = { GroupId, IpPermissions: [{ IpProtocol: '-1', Ipv6Ranges: [{ CidrIpv6: everywhere }] }] }
    return isThere
      ? await call('RevokeSecurityGroupEgress', change)
      : await call('AuthorizeSecurityGroupEgress', change)
  }

  return {
    "a VPC's and a subnet's IPv6 blocks": changeBlocks,
    'IPv6 addresses': changeAddresses,
    'IPv6 routes': changeRoute,
    'an egress-only internet gateway': changeEgressOnlyGateway,
    'IPv6 rules of the default group': changeDefaultGroup,
  }
}
