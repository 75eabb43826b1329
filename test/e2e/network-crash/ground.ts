import { join } from 'node:path'
import { writeIdleDisk } from '../idle-disk.ts'
import { waitForImage } from '../images.ts'
import { type Lab, until } from '../lab.ts'

/** Two VPCs, the first of them with IPv6, with three machines that cost nothing, and what changes of their networks need besides. */
export interface Ground {
  readonly imageId: string
  readonly vpcId: string
  readonly peerVpcId: string
  readonly gatewayId: string
  readonly peerGatewayId: string
  readonly publicSubnetId: string
  readonly privateSubnetId: string
  readonly peerSubnetId: string
  readonly groupId: string
  readonly otherGroupId: string
  readonly defaultGroupId: string
  readonly aclId: string
  readonly defaultAclId: string
  /** Of the public subnet. */
  readonly mainTableId: string
  /** Of the private subnet. */
  readonly tableId: string
  readonly otherTableId: string
  readonly peerTableId: string
  readonly dhcpOptionsId: string
  readonly prefixListId: string
  readonly web: Machine
  readonly app: Machine
  readonly peer: Machine
  /** Free, in the private subnet. */
  readonly interfaceId: string
  /** Of the elastic addresses: web's, the NAT gateway's. */
  readonly webAllocationId: string
  readonly webAddress: string
  readonly natAllocationId: string
}

interface Machine {
  readonly instanceId: string
  readonly interfaceId: string
}

const zone = 'us-east-1a'

export async function layGround({ home, call }: Lab): Promise<Ground> {
  const imageId = await importIdleImage()
  const { Vpc: vpc } = await call('CreateVpc', { CidrBlock: '10.40.0.0/16', AmazonProvidedIpv6CidrBlock: true })
  const vpcId = vpc?.VpcId ?? ''
  const ipv6Cidr = vpc?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock ?? ''
  const peerVpcId = (await call('CreateVpc', { CidrBlock: '10.50.0.0/16' })).Vpc?.VpcId ?? ''
  const publicSubnetId = await makeSubnet(vpcId, '10.40.1.0/24', ipv6Cidr.replace('00::/56', '01::/64'))
  const privateSubnetId = await makeSubnet(vpcId, '10.40.2.0/24', ipv6Cidr.replace('00::/56', '02::/64'))
  const peerSubnetId = await makeSubnet(peerVpcId, '10.50.1.0/24')
  const gatewayId = await makeGateway(vpcId)
  const peerGatewayId = await makeGateway(peerVpcId)
  const mainTableId = await mainTableOf(vpcId)
  const peerTableId = await mainTableOf(peerVpcId)
  const everywhere = { DestinationCidrBlock: '0.0.0.0/0' }
  await call('CreateRoute', { RouteTableId: mainTableId, ...everywhere, GatewayId: gatewayId })
  await call('CreateRoute', { RouteTableId: peerTableId, ...everywhere, GatewayId: peerGatewayId })
  const tableId = await makeTable()
  const otherTableId = await makeTable()
  await call('AssociateRouteTable', { RouteTableId: tableId, SubnetId: privateSubnetId })
  const groupId = await makeGroup('web', 20_080)
  const otherGroupId = await makeGroup('other', 20_081)
  const { SecurityGroups: groups } = await call('DescribeSecurityGroups', {
    Filters: [
      { Name: 'vpc-id', Values: [vpcId] },
      { Name: 'group-name', Values: ['default'] },
    ],
  })
  const defaultGroupId = groups?.[0]?.GroupId ?? ''
  const { NetworkAcls: acls } = await call('DescribeNetworkAcls', { Filters: [{ Name: 'vpc-id', Values: [vpcId] }] })
  const aclId = (await call('CreateNetworkAcl', { VpcId: vpcId })).NetworkAcl?.NetworkAclId ?? ''
  for (const Egress of [false, true]) {
    const all = { Protocol: '-1', CidrBlock: '0.0.0.0/0', RuleAction: 'allow', RuleNumber: 100 } as const
    await call('CreateNetworkAclEntry', { NetworkAclId: aclId, Egress, ...all })
  }
  const { DhcpOptions: dhcp } = await call('CreateDhcpOptions', {
    DhcpConfigurations: [
      { Key: 'domain-name', Values: ['lab.example'] },
      { Key: 'domain-name-servers', Values: ['AmazonProvidedDNS'] },
    ],
  })
  const { PrefixList: list } = await call('CreateManagedPrefixList', {
    ...{ PrefixListName: 'partners', AddressFamily: 'IPv4', MaxEntries: 5 },
    Entries: [{ Cidr: '10.60.0.0/16' }],
  })
  const prefixListId = list?.PrefixListId ?? ''
  await call('AuthorizeSecurityGroupIngress', {
    GroupId: otherGroupId,
    IpPermissions: [
      { IpProtocol: 'udp', FromPort: 20_053, ToPort: 20_053, PrefixListIds: [{ PrefixListId: prefixListId }] },
    ],
  })
  const [web, app] = [await launch(publicSubnetId, groupId), await launch(privateSubnetId, groupId)]
  const peer = await launch(peerSubnetId)
  await call('AssignIpv6Addresses', { NetworkInterfaceId: app.interfaceId, Ipv6AddressCount: 1 })
  const { NetworkInterface: free } = await call('CreateNetworkInterface', {
    SubnetId: privateSubnetId,
    Groups: [groupId, defaultGroupId],
  })
  const { AllocationId: webAllocationId = '', PublicIp: webAddress = '' } = await call('AllocateAddress', {
    Domain: 'vpc',
  })
  const { AllocationId: natAllocationId = '' } = await call('AllocateAddress', { Domain: 'vpc' })
  await call('AssociateAddress', { AllocationId: webAllocationId, NetworkInterfaceId: web.interfaceId })
  return {
    ...{ imageId, vpcId, peerVpcId, gatewayId, peerGatewayId, publicSubnetId, privateSubnetId, peerSubnetId },
    ...{ groupId, otherGroupId, defaultGroupId, aclId, defaultAclId: acls?.[0]?.NetworkAclId ?? '' },
    ...{ mainTableId, tableId, otherTableId, peerTableId, prefixListId, web, app, peer },
    ...{ dhcpOptionsId: dhcp?.DhcpOptionsId ?? '', interfaceId: free?.NetworkInterfaceId ?? '' },
    ...{ webAllocationId, webAddress, natAllocationId },
  }

  async function importIdleImage(): Promise<string> {
    const path = join(home, 'idle.raw')
    await writeIdleDisk(path)
    return await waitForImage({ call } as Lab, (await call('KilnImportImage', { Source: path, Name: 'idle' })).TaskId)
  }

  async function makeSubnet(VpcId: string, CidrBlock: string, Ipv6CidrBlock?: string): Promise<string> {
    const blocks = { CidrBlock, ...(Ipv6CidrBlock === undefined ? {} : { Ipv6CidrBlock }) }
    return (await call('CreateSubnet', { VpcId, ...blocks, AvailabilityZone: zone })).Subnet?.SubnetId ?? ''
  }

  async function makeGateway(VpcId: string): Promise<string> {
    const { InternetGateway: made } = await call('CreateInternetGateway', {})
    const InternetGatewayId = made?.InternetGatewayId ?? ''
    await call('AttachInternetGateway', { InternetGatewayId, VpcId })
    return InternetGatewayId
  }

  async function mainTableOf(id: string): Promise<string> {
    const { RouteTables: tables } = await call('DescribeRouteTables', { Filters: [{ Name: 'vpc-id', Values: [id] }] })
    return tables?.[0]?.RouteTableId ?? ''
  }

  async function makeTable(): Promise<string> {
    return (await call('CreateRouteTable', { VpcId: vpcId })).RouteTable?.RouteTableId ?? ''
  }

  async function makeGroup(GroupName: string, port: number): Promise<string> {
    const { GroupId: id = '' } = await call('CreateSecurityGroup', { GroupName, Description: GroupName, VpcId: vpcId })
    await call('AuthorizeSecurityGroupIngress', {
      GroupId: id,
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: port, ToPort: port, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    })
    return id
  }

  async function launch(SubnetId: string, group?: string): Promise<Machine> {
    const { Instances: launched } = await call('RunInstances', {
      ...{ ImageId: imageId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1, SubnetId },
      PrivateDnsNameOptions: { EnableResourceNameDnsAAAARecord: true },
      ...(group === undefined ? {} : { SecurityGroupIds: [group] }),
    })
    const { InstanceId: instanceId = '', NetworkInterfaces: [own] = [] } = launched?.[0] ?? {}
    await until(async () => {
      const { Reservations: found } = await call('DescribeInstances', { InstanceIds: [instanceId] })
      return found?.[0]?.Instances?.[0]?.State?.Name === 'running'
    })
    return { instanceId, interfaceId: own?.NetworkInterfaceId ?? '' }
  }
}
