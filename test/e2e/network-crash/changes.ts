import type { OperationCaller } from '../../../src/api/contract.ts'
import type { Ground } from './ground.ts'

/** A kind of change of a VPC's network. Each looks at what there is, whatever a crash has left, and makes the next of its states of it. */
export type Changes = Readonly<Record<string, () => Promise<unknown>>>

const zoneName = 'crash.lab.internal'
const tenth = { IpProtocol: 'tcp', FromPort: 20_090, ToPort: 20_099, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }
const everywhere = '0.0.0.0/0'
const furtherBlock = '10.41.0.0/16'
const aside = '10.99.0.0/16'
const named = (Name: string, value: string) => [{ Name, Values: [value] }]

/** Every kind of them. No two touch the same thing, so that they may be made at one time. */
export function createChanges(call: OperationCaller, ground: Ground): Changes {
  const { vpcId, peerVpcId, web, app, groupId, otherGroupId } = ground

  async function describeInterface(id: string) {
    return (await call('DescribeNetworkInterfaces', { NetworkInterfaceIds: [id] })).NetworkInterfaces?.[0]
  }

  async function routesOf(id: string) {
    return (await call('DescribeRouteTables', { RouteTableIds: [id] })).RouteTables?.[0]?.Routes ?? []
  }

  async function dropRoute(RouteTableId: string, DestinationCidrBlock: string): Promise<void> {
    const isThere = (await routesOf(RouteTableId)).some((route) => route.DestinationCidrBlock === DestinationCidrBlock)
    if (isThere) await call('DeleteRoute', { RouteTableId, DestinationCidrBlock })
  }

  async function changeRuleOfGroup(): Promise<unknown> {
    const { SecurityGroups: [group] = [] } = await call('DescribeSecurityGroups', { GroupIds: [groupId] })
    const isThere = group?.IpPermissions?.some(({ FromPort }) => FromPort === tenth.FromPort)
    const change = { GroupId: groupId, IpPermissions: [tenth] }
    return isThere
      ? await call('RevokeSecurityGroupIngress', change)
      : await call('AuthorizeSecurityGroupIngress', change)
  }

  async function changeGroupsOfInterface(): Promise<unknown> {
    const own = await describeInterface(web.interfaceId)
    const Groups = own?.Groups?.length === 1 ? [groupId, otherGroupId] : [groupId]
    return await call('ModifyNetworkInterfaceAttribute', { NetworkInterfaceId: web.interfaceId, Groups })
  }

  async function changeAclEntry(): Promise<unknown> {
    const { NetworkAcls: [acl] = [] } = await call('DescribeNetworkAcls', { NetworkAclIds: [ground.aclId] })
    const entry = { NetworkAclId: ground.aclId, RuleNumber: 90, Egress: false }
    if (acl?.Entries?.some(({ RuleNumber }) => RuleNumber === 90)) return await call('DeleteNetworkAclEntry', entry)
    const ports = { Protocol: '6', PortRange: { From: 20_095, To: 20_095 } }
    return await call('CreateNetworkAclEntry', { ...entry, ...ports, CidrBlock: everywhere, RuleAction: 'deny' })
  }

  async function changeAclOfSubnet(): Promise<unknown> {
    const { NetworkAcls: acls = [] } = await call('DescribeNetworkAcls', { Filters: named('vpc-id', vpcId) })
    const associations = acls.flatMap(({ Associations: own = [] }) => own)
    const present = associations.find(({ SubnetId }) => SubnetId === ground.publicSubnetId)
    return await call('ReplaceNetworkAclAssociation', {
      AssociationId: present?.NetworkAclAssociationId ?? '',
      NetworkAclId: present?.NetworkAclId === ground.aclId ? ground.defaultAclId : ground.aclId,
    })
  }

  async function changeRoute(): Promise<unknown> {
    const route = { RouteTableId: ground.tableId, DestinationCidrBlock: aside }
    const isThere = (await routesOf(ground.tableId)).some((found) => found.DestinationCidrBlock === aside)
    if (isThere) return await call('DeleteRoute', route)
    return await call('CreateRoute', { ...route, NetworkInterfaceId: web.interfaceId })
  }

  async function changeTableOfSubnet(): Promise<unknown> {
    const { RouteTables: tables = [] } = await call('DescribeRouteTables', { Filters: named('vpc-id', vpcId) })
    const associations = tables.flatMap(({ Associations: own = [] }) => own)
    const present = associations.find(({ SubnetId }) => SubnetId === ground.privateSubnetId)
    return await call('ReplaceRouteTableAssociation', {
      AssociationId: present?.RouteTableAssociationId ?? '',
      RouteTableId: present?.RouteTableId === ground.tableId ? ground.otherTableId : ground.tableId,
    })
  }

  async function changeGatewayOfVpc(): Promise<unknown> {
    const InternetGatewayId = ground.peerGatewayId
    const { InternetGateways: found } = await call('DescribeInternetGateways', {
      InternetGatewayIds: [InternetGatewayId],
    })
    const change = { InternetGatewayId, VpcId: peerVpcId }
    return found?.[0]?.Attachments?.length
      ? await call('DetachInternetGateway', change)
      : await call('AttachInternetGateway', change)
  }

  async function changeNatGateway(): Promise<unknown> {
    const { NatGateways: found = [] } = await call('DescribeNatGateways', { Filter: named('vpc-id', vpcId) })
    const present = found.find(({ State }) => State === 'available' || State === 'pending')
    if (present) {
      await dropRoute(ground.tableId, everywhere)
      return await call('DeleteNatGateway', { NatGatewayId: present.NatGatewayId ?? '' })
    }
    await dropRoute(ground.tableId, everywhere)
    const { NatGateway: made } = await call('CreateNatGateway', {
      SubnetId: ground.publicSubnetId,
      AllocationId: ground.natAllocationId,
    })
    const route = { RouteTableId: ground.tableId, DestinationCidrBlock: everywhere }
    return await call('CreateRoute', { ...route, NatGatewayId: made?.NatGatewayId ?? '' })
  }

  async function changePeering(): Promise<unknown> {
    const { VpcPeeringConnections: found = [] } = await call('DescribeVpcPeeringConnections', {
      Filters: named('requester-vpc-info.vpc-id', vpcId),
    })
    const present = found.find(({ Status }) => ['active', 'pending-acceptance'].includes(Status?.Code ?? ''))
    await dropRoute(ground.otherTableId, '10.50.0.0/16')
    await dropRoute(ground.peerTableId, '10.40.0.0/16')
    if (present) {
      const VpcPeeringConnectionId = present.VpcPeeringConnectionId ?? ''
      return await call('DeleteVpcPeeringConnection', { VpcPeeringConnectionId })
    }
    const { VpcPeeringConnection: made } = await call('CreateVpcPeeringConnection', {
      VpcId: vpcId,
      PeerVpcId: peerVpcId,
    })
    const VpcPeeringConnectionId = made?.VpcPeeringConnectionId ?? ''
    await call('AcceptVpcPeeringConnection', { VpcPeeringConnectionId })
    const to = (DestinationCidrBlock: string) => ({ DestinationCidrBlock, VpcPeeringConnectionId })
    await call('CreateRoute', { RouteTableId: ground.otherTableId, ...to('10.50.0.0/16') })
    return await call('CreateRoute', { RouteTableId: ground.peerTableId, ...to('10.40.0.0/16') })
  }

  async function changeSubnets(): Promise<unknown> {
    const { Subnets: found = [] } = await call('DescribeSubnets', { Filters: named('vpc-id', vpcId) })
    const present = found.find(({ CidrBlock }) => CidrBlock === '10.40.9.0/24')
    if (present) return await call('DeleteSubnet', { SubnetId: present.SubnetId ?? '' })
    return await call('CreateSubnet', { VpcId: vpcId, CidrBlock: '10.40.9.0/24' })
  }

  async function changeBlocks(): Promise<unknown> {
    const { Vpcs: found = [] } = await call('DescribeVpcs', { VpcIds: [vpcId] })
    const present = found[0]?.CidrBlockAssociationSet?.find(({ CidrBlock }) => CidrBlock === furtherBlock)
    if (present) return await call('DisassociateVpcCidrBlock', { AssociationId: present.AssociationId ?? '' })
    return await call('AssociateVpcCidrBlock', { VpcId: vpcId, CidrBlock: furtherBlock })
  }

  async function changeDhcpOptions(): Promise<unknown> {
    const { Vpcs: found = [] } = await call('DescribeVpcs', { VpcIds: [vpcId] })
    const isOwn = found[0]?.DhcpOptionsId === ground.dhcpOptionsId
    return await call('AssociateDhcpOptions', {
      VpcId: vpcId,
      DhcpOptionsId: isOwn ? 'default' : ground.dhcpOptionsId,
    })
  }

  async function changeInterfacesOfInstance(): Promise<unknown> {
    const attachment = (await describeInterface(ground.interfaceId))?.Attachment
    // Nobody in the machine gives anything up.
    if (attachment)
      return await call('DetachNetworkInterface', { AttachmentId: attachment.AttachmentId ?? '', Force: true })
    return await call('AttachNetworkInterface', {
      NetworkInterfaceId: ground.interfaceId,
      InstanceId: app.instanceId,
      DeviceIndex: 1,
    })
  }

  async function changeSecondaryAddresses(): Promise<unknown> {
    const own = await describeInterface(app.interfaceId)
    const second = own?.PrivateIpAddresses?.find(({ Primary }) => Primary === false)?.PrivateIpAddress
    const NetworkInterfaceId = app.interfaceId
    return second === undefined
      ? await call('AssignPrivateIpAddresses', { NetworkInterfaceId, SecondaryPrivateIpAddressCount: 1 })
      : await call('UnassignPrivateIpAddresses', { NetworkInterfaceId, PrivateIpAddresses: [second] })
  }

  /** From web to app and back, and none at all. */
  async function moveElasticAddress(): Promise<unknown> {
    const AllocationId = ground.webAllocationId
    const { Addresses: [address] = [] } = await call('DescribeAddresses', { AllocationIds: [AllocationId] })
    const to = async (NetworkInterfaceId: string) =>
      await call('AssociateAddress', { AllocationId, NetworkInterfaceId, AllowReassociation: true })
    if (address?.NetworkInterfaceId === web.interfaceId) return await to(app.interfaceId)
    if (address?.AssociationId === undefined) return await to(web.interfaceId)
    return await call('DisassociateAddress', { AssociationId: address.AssociationId })
  }

  /** One that comes and goes with its association. */
  async function changeElasticAddresses(): Promise<unknown> {
    const { Addresses: found = [] } = await call('DescribeAddresses', { Filters: named('tag:for', 'release') })
    const [present] = found
    if (present) {
      const { AllocationId = '', AssociationId } = present
      if (AssociationId !== undefined) await call('DisassociateAddress', { AssociationId })
      return await call('ReleaseAddress', { AllocationId })
    }
    const Tags = [{ Key: 'for', Value: 'release' }]
    const { AllocationId = '' } = await call('AllocateAddress', {
      Domain: 'vpc',
      TagSpecifications: [{ ResourceType: 'elastic-ip', Tags }],
    })
    return await call('AssociateAddress', { AllocationId, NetworkInterfaceId: ground.interfaceId })
  }

  async function changePrefixList(): Promise<unknown> {
    const PrefixListId = ground.prefixListId
    const { PrefixLists: [list] = [] } = await call('DescribeManagedPrefixLists', { PrefixListIds: [PrefixListId] })
    const { Entries: entries = [] } = await call('GetManagedPrefixListEntries', { PrefixListId })
    const change = { PrefixListId, CurrentVersion: list?.Version ?? 1 }
    const one = [{ Cidr: '10.61.0.0/16' }]
    return entries.length > 1
      ? await call('ModifyManagedPrefixList', { ...change, RemoveEntries: one })
      : await call('ModifyManagedPrefixList', { ...change, AddEntries: one })
  }

  async function changeConnectEndpoint(): Promise<unknown> {
    const { InstanceConnectEndpoints: found = [] } = await call('DescribeInstanceConnectEndpoints', {})
    const present = found.find(({ State }) => State === 'create-complete' || State === 'create-in-progress')
    const InstanceConnectEndpointId = present?.InstanceConnectEndpointId
    if (InstanceConnectEndpointId) return await call('DeleteInstanceConnectEndpoint', { InstanceConnectEndpointId })
    return await call('CreateInstanceConnectEndpoint', {
      SubnetId: ground.privateSubnetId,
      SecurityGroupIds: [otherGroupId],
    })
  }

  async function changePrivateZone(): Promise<unknown> {
    const { Zones: found } = await call('KilnDescribeDnsZones', {})
    const present = found.find(({ Name }) => Name === zoneName)
    if (present) return await call('KilnDeleteDnsZone', { ZoneId: present.ZoneId, IsForced: true })
    const { Zone: made } = await call('KilnCreateDnsZone', { Name: zoneName, VpcIds: [vpcId] })
    return await call('KilnChangeDnsRecords', {
      ZoneId: made.ZoneId,
      Changes: [{ Action: 'create', Name: 'web', Type: 'A', InstanceIds: [web.instanceId] }],
    })
  }

  async function changeFaults(): Promise<unknown> {
    const { Faults: found } = await call('KilnDescribeFaults', {})
    if (found.length > 0) return await call('KilnClearFaults', { FaultIds: found.map(({ FaultId }) => FaultId) })
    const [one, other] = [[web.instanceId], [app.instanceId]]
    await call('KilnInjectFault', { Kind: 'partition', Targets: one, Against: other, DurationSeconds: 3600 })
    await call('KilnInjectFault', { Kind: 'rate', Targets: one, RateKbitPerSecond: 5000, DurationSeconds: 3600 })
    return await call('KilnInjectFault', { Kind: 'loss', Targets: other, LossPercent: 3, DurationSeconds: 3600 })
  }

  async function changeFlowLogs(): Promise<unknown> {
    const { FlowLogs: found = [] } = await call('DescribeFlowLogs', {})
    const FlowLogIds = found.flatMap(({ FlowLogId }) => FlowLogId ?? [])
    if (FlowLogIds.length > 0) return await call('DeleteFlowLogs', { FlowLogIds })
    return await call('CreateFlowLogs', {
      ...{ ResourceType: 'Subnet', ResourceIds: [ground.publicSubnetId], TrafficType: 'ALL' },
      ...{ LogDestinationType: 'cloud-watch-logs', LogGroupName: 'crash' },
      DeliverLogsPermissionArn: 'arn:aws:iam::123456789012:role/flow-logs',
    })
  }

  async function changeSourceDestCheck(): Promise<unknown> {
    const own = await describeInterface(web.interfaceId)
    const SourceDestCheck = { Value: own?.SourceDestCheck === false }
    return await call('ModifyNetworkInterfaceAttribute', { NetworkInterfaceId: web.interfaceId, SourceDestCheck })
  }

  async function changeDnsAttributes(): Promise<unknown> {
    const read = async (Attribute: 'enableDnsSupport' | 'enableDnsHostnames') =>
      await call('DescribeVpcAttribute', { VpcId: vpcId, Attribute })
    const Value = (await read('enableDnsHostnames')).EnableDnsHostnames?.Value !== true
    await call('ModifyVpcAttribute', { VpcId: vpcId, EnableDnsHostnames: { Value } })
    return await call('ModifyVpcAttribute', { VpcId: vpcId, EnableDnsSupport: { Value } })
  }

  async function changeHopLimit(): Promise<unknown> {
    const { Reservations: found } = await call('DescribeInstances', { InstanceIds: [web.instanceId] })
    const isTwo = found?.[0]?.Instances?.[0]?.MetadataOptions?.HttpPutResponseHopLimit === 2
    return await call('ModifyInstanceMetadataOptions', {
      InstanceId: web.instanceId,
      HttpPutResponseHopLimit: isTwo ? 1 : 2,
    })
  }

  async function changeInstances(): Promise<unknown> {
    const { Reservations: found = [] } = await call('DescribeInstances', { Filters: named('tag:for', 'terminate') })
    const instances = found.flatMap(({ Instances: own = [] }) => own)
    const present = instances.find(({ State }) => ['pending', 'running'].includes(State?.Name ?? ''))
    if (present) return await call('TerminateInstances', { InstanceIds: [present.InstanceId ?? ''] })
    const Tags = [{ Key: 'for', Value: 'terminate' }]
    return await call('RunInstances', {
      ...{ ImageId: ground.imageId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1 },
      ...{ SubnetId: ground.publicSubnetId, SecurityGroupIds: [groupId, otherGroupId] },
      TagSpecifications: [{ ResourceType: 'instance', Tags }],
    })
  }

  return {
    'rules of a group': changeRuleOfGroup,
    'groups of an interface': changeGroupsOfInterface,
    'entries of a network ACL': changeAclEntry,
    "a subnet's network ACL": changeAclOfSubnet,
    routes: changeRoute,
    "a subnet's route table": changeTableOfSubnet,
    "a VPC's internet gateway": changeGatewayOfVpc,
    'a NAT gateway': changeNatGateway,
    'a peering connection': changePeering,
    subnets: changeSubnets,
    'secondary blocks': changeBlocks,
    'DHCP options': changeDhcpOptions,
    "an instance's interfaces": changeInterfacesOfInstance,
    'secondary addresses': changeSecondaryAddresses,
    "an elastic address's place": moveElasticAddress,
    'elastic addresses': changeElasticAddresses,
    'a prefix list': changePrefixList,
    'an EC2 Instance Connect Endpoint': changeConnectEndpoint,
    'a private zone': changePrivateZone,
    faults: changeFaults,
    'flow logs': changeFlowLogs,
    'source/destination check': changeSourceDestCheck,
    "a VPC's DNS attributes": changeDnsAttributes,
    'a hop limit': changeHopLimit,
    instances: changeInstances,
  }
}
