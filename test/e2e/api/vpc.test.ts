import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk } from './api-lab.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab('quotas:\n  vpcs: 20\n')
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const refusal = async (name: string, input: object) => await refusalOfSdk(api, name, input)
const codeOf = async (name: string, input: object) => (await refusal(name, input))?.code

async function createVpc(cidr = '10.0.0.0/16'): Promise<string> {
  return (await api.lab.call('CreateVpc', { CidrBlock: cidr })).Vpc?.VpcId ?? ''
}

async function createSubnet(vpcId: string, cidr: string, zone = 'us-east-1a'): Promise<string> {
  const { Subnet: made } = await api.lab.call('CreateSubnet', {
    VpcId: vpcId,
    CidrBlock: cidr,
    AvailabilityZone: zone,
  })
  return made?.SubnetId ?? ''
}

async function createGateway(vpcId?: string): Promise<string> {
  const { InternetGateway: made } = await api.lab.call('CreateInternetGateway', {})
  const id = made?.InternetGatewayId ?? ''
  if (vpcId) await api.lab.call('AttachInternetGateway', { InternetGatewayId: id, VpcId: vpcId })
  return id
}

async function tablesOf(vpcId: string, ...filters: { Name: string; Values: string[] }[]) {
  const { RouteTables: tables } = await api.lab.call('DescribeRouteTables', {
    Filters: [{ Name: 'vpc-id', Values: [vpcId] }, ...filters],
  })
  return tables ?? []
}

async function defaultVpcId(): Promise<string> {
  const { Vpcs: found } = await api.lab.call('DescribeVpcs', { Filters: [{ Name: 'is-default', Values: ['true'] }] })
  return found?.[0]?.VpcId ?? ''
}

describe('a reservation in a subnet', () => {
  test('keeps its addresses back until somebody asks for one of them', async () => {
    const subnetId = await createSubnet(await createVpc('10.77.0.0/16'), '10.77.1.0/24')
    const reserve = async (cidr: string) =>
      await api.lab.call('CreateSubnetCidrReservation', {
        SubnetId: subnetId,
        Cidr: cidr,
        ReservationType: 'explicit',
        TagSpecifications: [{ ResourceType: 'subnet-cidr-reservation', Tags: [{ Key: 'for', Value: 'printers' }] }],
      })
    const { SubnetCidrReservation: made } = await reserve('10.77.1.0/28')
    const addressOf = async (wish: object = {}) => {
      const { NetworkInterface: one } = await api.lab.call('CreateNetworkInterface', { SubnetId: subnetId, ...wish })
      return one?.PrivateIpAddress
    }
    expect(await addressOf()).toBe('10.77.1.16')
    expect(await addressOf({ PrivateIpAddress: '10.77.1.9' })).toBe('10.77.1.9')
    expect(
      await codeOf('CreateSubnetCidrReservation', {
        SubnetId: subnetId,
        Cidr: '10.77.1.8/29',
        ReservationType: 'prefix',
      }),
    ).toBe('InvalidSubnetCidrReservation.Conflict')
    expect(
      await codeOf('CreateSubnetCidrReservation', {
        SubnetId: subnetId,
        Cidr: '10.78.0.0/28',
        ReservationType: 'prefix',
      }),
    ).toBe('InvalidParameterValue')
    const { SubnetIpv4CidrReservations: told } = await api.lab.call('GetSubnetCidrReservations', {
      SubnetId: subnetId,
      Filters: [{ Name: 'tag:for', Values: ['print*'] }],
    })
    expect(told).toEqual([made])
    await api.lab.call('DeleteSubnetCidrReservation', {
      SubnetCidrReservationId: made?.SubnetCidrReservationId ?? '',
    })
    expect(await addressOf()).toBe('10.77.1.4')
  })
})

describe('a region', () => {
  test('begins with a default VPC whose main table leads to its internet gateway', async () => {
    const vpcId = await defaultVpcId()
    const { InternetGateways: gateways } = await api.lab.call('DescribeInternetGateways', {
      Filters: [{ Name: 'attachment.vpc-id', Values: [vpcId] }],
    })
    expect(gateways).toHaveLength(1)
    expect(gateways?.[0]?.Attachments).toEqual([{ State: 'available', VpcId: vpcId }])
    const [main] = await tablesOf(vpcId, { Name: 'association.main', Values: ['true'] })
    expect(main?.Routes).toEqual([
      { DestinationCidrBlock: '172.31.0.0/16', GatewayId: 'local', Origin: 'CreateRouteTable', State: 'active' },
      {
        DestinationCidrBlock: '0.0.0.0/0',
        GatewayId: gateways?.[0]?.InternetGatewayId,
        Origin: 'CreateRoute',
        State: 'active',
      },
    ])
    const { Vpcs: vpcs } = await api.lab.call('DescribeVpcs', { VpcIds: [vpcId] })
    const { DhcpOptions: options } = await api.lab.call('DescribeDhcpOptions', {
      DhcpOptionsIds: [vpcs?.[0]?.DhcpOptionsId ?? ''],
    })
    expect(options?.[0]?.DhcpConfigurations).toEqual([
      { Key: 'domain-name', Values: [{ Value: 'ec2.internal' }] },
      { Key: 'domain-name-servers', Values: [{ Value: 'AmazonProvidedDNS' }] },
    ])
  })

  test('gets its default VPC and subnets back when they were deleted', async () => {
    const region = { region: 'eu-west-1' }
    const { EC2Client, ...sdk } = await import('@aws-sdk/client-ec2')
    const client = new EC2Client({ ...region, endpoint: api.endpointUrl, credentials: api.key })
    const vpcOf = async () =>
      (await client.send(new sdk.DescribeVpcsCommand({ Filters: [{ Name: 'is-default', Values: ['true'] }] })))
        .Vpcs?.[0]?.VpcId
    const subnetsOf = async () => (await client.send(new sdk.DescribeSubnetsCommand({}))).Subnets ?? []
    const vpcId = (await vpcOf()) ?? ''
    await expect(client.send(new sdk.CreateDefaultVpcCommand({}))).rejects.toMatchObject({
      name: 'DefaultVpcAlreadyExists',
    })
    const [first, ...others] = await subnetsOf()
    await client.send(new sdk.DeleteSubnetCommand({ SubnetId: first?.SubnetId }))
    const { Subnet: again } = await client.send(
      new sdk.CreateDefaultSubnetCommand({ AvailabilityZone: first?.AvailabilityZone }),
    )
    expect(again).toMatchObject({ CidrBlock: first?.CidrBlock, DefaultForAz: true, MapPublicIpOnLaunch: true })
    await expect(
      client.send(new sdk.CreateDefaultSubnetCommand({ AvailabilityZone: first?.AvailabilityZone })),
    ).rejects.toMatchObject({ name: 'DefaultSubnetAlreadyExistsInAvailabilityZone' })
    for (const subnet of [again, ...others])
      await client.send(new sdk.DeleteSubnetCommand({ SubnetId: subnet?.SubnetId }))
    const { InternetGateways: gateways } = await client.send(new sdk.DescribeInternetGatewaysCommand({}))
    const InternetGatewayId = gateways?.[0]?.InternetGatewayId
    await client.send(new sdk.DetachInternetGatewayCommand({ InternetGatewayId, VpcId: vpcId }))
    await client.send(new sdk.DeleteInternetGatewayCommand({ InternetGatewayId }))
    await client.send(new sdk.DeleteVpcCommand({ VpcId: vpcId }))
    expect(await vpcOf()).toBeUndefined()
    await expect(
      client.send(new sdk.CreateDefaultSubnetCommand({ AvailabilityZone: 'eu-west-1a' })),
    ).rejects.toMatchObject({ name: 'DefaultVpcDoesNotExist' })
    await client.send(new sdk.CreateDefaultVpcCommand({}))
    expect(await vpcOf()).toMatch(/^vpc-/)
    expect((await subnetsOf()).map(({ CidrBlock }) => CidrBlock)).toEqual([
      '172.31.0.0/20',
      '172.31.16.0/20',
      '172.31.32.0/20',
    ])
  })
})

describe('a VPC', () => {
  test('comes with its main table and default group, keeps its attributes, and takes all with it', async () => {
    const { Vpc: made } = await api.lab.call('CreateVpc', {
      CidrBlock: '10.1.2.3/16',
      InstanceTenancy: 'dedicated',
      TagSpecifications: [{ ResourceType: 'vpc', Tags: [{ Key: 'Name', Value: 'lab' }] }],
    })
    const vpcId = made?.VpcId ?? ''
    expect(made).toMatchObject({
      CidrBlock: '10.1.0.0/16',
      InstanceTenancy: 'dedicated',
      IsDefault: false,
      State: 'available',
      Tags: [{ Key: 'Name', Value: 'lab' }],
    })
    await api.lab.call('ModifyVpcTenancy', { VpcId: vpcId, InstanceTenancy: 'default' })
    const attribute = async (name: 'enableDnsSupport' | 'enableDnsHostnames') =>
      await api.lab.call('DescribeVpcAttribute', { VpcId: vpcId, Attribute: name })
    expect(await attribute('enableDnsSupport')).toEqual({ VpcId: vpcId, EnableDnsSupport: { Value: true } })
    expect(await attribute('enableDnsHostnames')).toEqual({ VpcId: vpcId, EnableDnsHostnames: { Value: false } })
    await api.lab.call('ModifyVpcAttribute', { VpcId: vpcId, EnableDnsHostnames: { Value: true } })
    expect(await attribute('enableDnsHostnames')).toEqual({ VpcId: vpcId, EnableDnsHostnames: { Value: true } })
    expect(
      await codeOf('ModifyVpcAttribute', {
        VpcId: vpcId,
        EnableDnsHostnames: { Value: true },
        EnableDnsSupport: { Value: true },
      }),
    ).toBe('InvalidParameterCombination')
    const { Vpcs: told } = await api.lab.call('DescribeVpcs', { VpcIds: [vpcId] })
    expect(told?.[0]?.InstanceTenancy).toBe('default')
    expect(await tablesOf(vpcId)).toHaveLength(1)
    const groups = async () =>
      (await api.lab.call('DescribeSecurityGroups', { Filters: [{ Name: 'vpc-id', Values: [vpcId] }] })).SecurityGroups
    expect((await groups())?.map(({ GroupName }) => GroupName)).toEqual(['default'])
    await api.lab.call('DeleteVpc', { VpcId: vpcId })
    expect([await groups(), await tablesOf(vpcId)]).toEqual([[], []])
    expect(await codeOf('DescribeVpcs', { VpcIds: [vpcId] })).toBe('InvalidVpcID.NotFound')
  })

  test('is refused where EC2 refuses its block', async () => {
    expect(await codeOf('CreateVpc', { CidrBlock: '10.0.0.0/8' })).toBe('InvalidVpc.Range')
    expect(await codeOf('CreateVpc', { CidrBlock: '10.0.0.0/29' })).toBe('InvalidVpc.Range')
    expect(await codeOf('CreateVpc', { CidrBlock: '127.0.0.0/16' })).toBe('InvalidVpc.Range')
    expect(await codeOf('CreateVpc', { CidrBlock: '10.0.0/16' })).toBe('InvalidParameterValue')
    expect(await codeOf('CreateVpc', { CidrBlock: '10.0.0.0/33' })).toBe('InvalidParameterValue')
    expect(await codeOf('CreateVpc', { CidrBlock: '010.0.0.0/16' })).toBe('InvalidParameterValue')
  })

  test('has further blocks that are local to it, and lets go of those without subnets', async () => {
    const vpcId = await createVpc('10.2.0.0/16')
    const { CidrBlockAssociation: added } = await api.lab.call('AssociateVpcCidrBlock', {
      VpcId: vpcId,
      CidrBlock: '10.3.0.0/16',
    })
    const associationId = added?.AssociationId ?? ''
    expect(added?.CidrBlockState).toEqual({ State: 'associated' })
    expect(await codeOf('AssociateVpcCidrBlock', { VpcId: vpcId, CidrBlock: '10.3.128.0/20' })).toBe('CidrConflict')
    expect((await tablesOf(vpcId))[0]?.Routes?.map(({ DestinationCidrBlock }) => DestinationCidrBlock)).toEqual([
      '10.2.0.0/16',
      '10.3.0.0/16',
    ])
    const subnetId = await createSubnet(vpcId, '10.3.1.0/24')
    expect(await codeOf('DisassociateVpcCidrBlock', { AssociationId: associationId })).toBe('DependencyViolation')
    await api.lab.call('DeleteSubnet', { SubnetId: subnetId })
    await api.lab.call('DisassociateVpcCidrBlock', { AssociationId: associationId })
    const { Vpcs: told } = await api.lab.call('DescribeVpcs', { VpcIds: [vpcId] })
    const [first, ...others] = told?.[0]?.CidrBlockAssociationSet ?? []
    expect([first?.CidrBlock, others]).toEqual(['10.2.0.0/16', []])
    expect(await codeOf('DisassociateVpcCidrBlock', { AssociationId: first?.AssociationId })).toBe(
      'OperationNotPermitted',
    )
    await api.lab.call('DeleteVpc', { VpcId: vpcId })
  })

  test('is deleted after what is in it alone', async () => {
    const vpcId = await createVpc()
    const subnetId = await createSubnet(vpcId, '10.0.1.0/24')
    const gatewayId = await createGateway(vpcId)
    const inUse = {
      code: 'DependencyViolation',
      message: `The vpc '${vpcId}' has dependencies and cannot be deleted.`,
    }
    expect(await refusal('DeleteVpc', { VpcId: vpcId })).toEqual(inUse)
    await api.lab.call('DeleteSubnet', { SubnetId: subnetId })
    expect(await refusal('DeleteVpc', { VpcId: vpcId })).toEqual(inUse)
    expect(await codeOf('DeleteInternetGateway', { InternetGatewayId: gatewayId })).toBe('DependencyViolation')
    await api.lab.call('DetachInternetGateway', { InternetGatewayId: gatewayId, VpcId: vpcId })
    await api.lab.call('DeleteInternetGateway', { InternetGatewayId: gatewayId })
    const { RouteTable: table } = await api.lab.call('CreateRouteTable', { VpcId: vpcId })
    expect(await refusal('DeleteVpc', { VpcId: vpcId })).toEqual(inUse)
    await api.lab.call('DeleteRouteTable', { RouteTableId: table?.RouteTableId ?? '' })
    await api.lab.call('DeleteVpc', { VpcId: vpcId })
  })

  test('has no links to EC2-Classic', async () => {
    const vpcId = await defaultVpcId()
    expect(await api.lab.call('DescribeVpcClassicLink', { VpcIds: [vpcId] })).toEqual({
      Vpcs: [{ VpcId: vpcId, ClassicLinkEnabled: false, Tags: [] }],
    })
    expect(await api.lab.call('DescribeVpcClassicLinkDnsSupport', {})).toEqual({ Vpcs: [] })
  })
})

describe('a subnet', () => {
  test('lies in its VPC beside the others, and tells what was set', async () => {
    const vpcId = await createVpc()
    const subnetId = await createSubnet(vpcId, '10.0.1.0/28', 'us-east-1b')
    expect(await codeOf('CreateSubnet', { VpcId: vpcId, CidrBlock: '10.1.0.0/24' })).toBe('InvalidSubnet.Range')
    expect(await codeOf('CreateSubnet', { VpcId: vpcId, CidrBlock: '10.0.0.0/29' })).toBe('InvalidSubnet.Range')
    expect(await codeOf('CreateSubnet', { VpcId: vpcId, CidrBlock: '10.0.0.0/20' })).toBe('InvalidSubnet.Conflict')
    expect(
      await codeOf('CreateSubnet', { VpcId: vpcId, CidrBlock: '10.0.2.0/24', AvailabilityZone: 'us-east-1z' }),
    ).toBe('InvalidParameterValue')
    await api.lab.call('ModifySubnetAttribute', { SubnetId: subnetId, MapPublicIpOnLaunch: { Value: true } })
    await api.lab.call('ModifySubnetAttribute', {
      SubnetId: subnetId,
      EnableResourceNameDnsARecordOnLaunch: { Value: true },
    })
    expect(
      await codeOf('ModifySubnetAttribute', { SubnetId: subnetId, AssignIpv6AddressOnCreation: { Value: true } }),
    ).toBe('UnsupportedOperation')
    const { Subnets: told } = await api.lab.call('DescribeSubnets', { SubnetIds: [subnetId] })
    expect(told?.[0]).toMatchObject({
      AvailabilityZone: 'us-east-1b',
      AvailabilityZoneId: 'use1-az2',
      AvailableIpAddressCount: 11,
      DefaultForAz: false,
      MapPublicIpOnLaunch: true,
      PrivateDnsNameOptionsOnLaunch: { HostnameType: 'ip-name', EnableResourceNameDnsARecord: true },
    })
    await api.lab.call('DeleteSubnet', { SubnetId: subnetId })
    await api.lab.call('DeleteVpc', { VpcId: vpcId })
  })
})

describe('an internet gateway', () => {
  test('belongs to one VPC, which has one gateway, and leaves blackholes behind', async () => {
    const [vpcId, otherVpcId] = [await createVpc(), await createVpc()]
    const gatewayId = await createGateway()
    expect(await codeOf('DetachInternetGateway', { InternetGatewayId: gatewayId, VpcId: vpcId })).toBe(
      'Gateway.NotAttached',
    )
    const table = (await tablesOf(vpcId))[0]?.RouteTableId ?? ''
    const route = { RouteTableId: table, DestinationCidrBlock: '0.0.0.0/0', GatewayId: gatewayId }
    expect(await codeOf('CreateRoute', route)).toBe('InvalidParameterValue')
    await api.lab.call('AttachInternetGateway', { InternetGatewayId: gatewayId, VpcId: vpcId })
    expect(await codeOf('AttachInternetGateway', { InternetGatewayId: gatewayId, VpcId: otherVpcId })).toBe(
      'Resource.AlreadyAssociated',
    )
    const second = await createGateway()
    expect(await refusal('AttachInternetGateway', { InternetGatewayId: second, VpcId: vpcId })).toEqual({
      code: 'InvalidParameterValue',
      message: `Network ${vpcId} already has an internet gateway attached`,
    })
    expect(await api.lab.call('CreateRoute', route)).toEqual({ Return: true })
    await api.lab.call('DetachInternetGateway', { InternetGatewayId: gatewayId, VpcId: vpcId })
    const blackholes = await tablesOf(vpcId, { Name: 'route.state', Values: ['blackhole'] })
    expect(blackholes[0]?.Routes?.[1]).toMatchObject({ GatewayId: gatewayId, State: 'blackhole' })
    for (const InternetGatewayId of [gatewayId, second]) {
      await api.lab.call('DeleteInternetGateway', { InternetGatewayId })
    }
    for (const VpcId of [vpcId, otherVpcId]) await api.lab.call('DeleteVpc', { VpcId })
  })
})

describe('a route table', () => {
  test('holds for one subnet each, or for all others as the main one', async () => {
    const vpcId = await createVpc()
    const subnetId = await createSubnet(vpcId, '10.0.1.0/24')
    const [main] = await tablesOf(vpcId)
    const mainAssociation = main?.Associations?.[0]?.RouteTableAssociationId ?? ''
    expect(await codeOf('DisassociateRouteTable', { AssociationId: mainAssociation })).toBe('InvalidParameterValue')
    const { RouteTable: made } = await api.lab.call('CreateRouteTable', { VpcId: vpcId })
    const tableId = made?.RouteTableId ?? ''
    const { AssociationId: associationId = '' } = await api.lab.call('AssociateRouteTable', {
      RouteTableId: tableId,
      SubnetId: subnetId,
    })
    expect(await codeOf('AssociateRouteTable', { RouteTableId: main?.RouteTableId, SubnetId: subnetId })).toBe(
      'Resource.AlreadyAssociated',
    )
    expect(await codeOf('DeleteRouteTable', { RouteTableId: tableId })).toBe('DependencyViolation')
    const bySubnet = await tablesOf(vpcId, { Name: 'association.subnet-id', Values: [subnetId] })
    expect(bySubnet.map(({ RouteTableId }) => RouteTableId)).toEqual([tableId])
    await api.lab.call('DisassociateRouteTable', { AssociationId: associationId })
    expect(await codeOf('DisassociateRouteTable', { AssociationId: associationId })).toBe(
      'InvalidAssociationID.NotFound',
    )
    await api.lab.call('ReplaceRouteTableAssociation', { AssociationId: mainAssociation, RouteTableId: tableId })
    const mains = await tablesOf(vpcId, { Name: 'association.main', Values: ['true'] })
    expect(mains.map(({ RouteTableId }) => RouteTableId)).toEqual([tableId])
    await api.lab.call('DeleteRouteTable', { RouteTableId: main?.RouteTableId ?? '' })
    await api.lab.call('DeleteSubnet', { SubnetId: subnetId })
    await api.lab.call('DeleteVpc', { VpcId: vpcId })
  })

  test('takes routes to the gateway alone, each destination once, and keeps the local one', async () => {
    const vpcId = await createVpc()
    const gatewayId = await createGateway(vpcId)
    const RouteTableId = (await tablesOf(vpcId))[0]?.RouteTableId ?? ''
    const destination = (DestinationCidrBlock: string) => ({ RouteTableId, DestinationCidrBlock })
    const route = (block: string) => ({ ...destination(block), GatewayId: gatewayId })
    await api.lab.call('CreateRoute', route('192.0.2.7/24'))
    expect(await codeOf('CreateRoute', route('10.0.1.0/24'))).toBe('InvalidParameterValue')
    expect(await codeOf('CreateRoute', { ...destination('192.0.2.0/25'), GatewayId: 'igw-0123456789abcdef0' })).toBe(
      'InvalidGatewayID.NotFound',
    )
    expect(
      await refusal('CreateRoute', { ...destination('0.0.0.0/0'), NatGatewayId: 'nat-0123456789abcdef0' }),
    ).toEqual({
      code: 'UnsupportedOperation',
      message: 'The parameter NatGatewayId of CreateRoute is not supported by Kiln.',
    })
    expect(await codeOf('CreateRoute', { ...destination('0.0.0.0/0'), GatewayId: 'vgw-0123456789abcdef0' })).toBe(
      'UnsupportedOperation',
    )
    expect(await codeOf('ReplaceRoute', route('198.51.100.0/24'))).toBe('InvalidParameterValue')
    await api.lab.call('ReplaceRoute', route('192.0.2.0/24'))
    expect(await codeOf('DeleteRoute', destination('10.0.0.0/16'))).toBe('InvalidParameterValue')
    await api.lab.call('DeleteRoute', destination('192.0.2.0/24'))
    expect(await codeOf('DeleteRoute', destination('192.0.2.0/24'))).toBe('InvalidRoute.NotFound')
    await api.lab.call('DetachInternetGateway', { InternetGatewayId: gatewayId, VpcId: vpcId })
    await api.lab.call('DeleteInternetGateway', { InternetGatewayId: gatewayId })
    await api.lab.call('DeleteVpc', { VpcId: vpcId })
  })
})

describe('DHCP options', () => {
  test('are kept as given, belong to VPCs, and those that no guest is told of are refused', async () => {
    const { DhcpOptions: made } = await api.lab.call('CreateDhcpOptions', {
      DhcpConfigurations: [
        { Key: 'domain-name', Values: ['lab.example'] },
        { Key: 'domain-name-servers', Values: ['10.0.0.53', 'AmazonProvidedDNS'] },
        { Key: 'ntp-servers', Values: ['10.0.0.123'] },
      ],
    })
    const optionsId = made?.DhcpOptionsId ?? ''
    const vpcId = await createVpc()
    await api.lab.call('AssociateDhcpOptions', { DhcpOptionsId: optionsId, VpcId: vpcId })
    expect(await codeOf('DeleteDhcpOptions', { DhcpOptionsId: optionsId })).toBe('DependencyViolation')
    const { Vpcs: told } = await api.lab.call('DescribeVpcs', {
      Filters: [{ Name: 'dhcp-options-id', Values: [optionsId] }],
    })
    expect(told?.map(({ VpcId }) => VpcId)).toEqual([vpcId])
    await api.lab.call('AssociateDhcpOptions', { DhcpOptionsId: 'default', VpcId: vpcId })
    await api.lab.call('DeleteDhcpOptions', { DhcpOptionsId: optionsId })
    const create = async (Key: string, ...Values: string[]) =>
      await codeOf('CreateDhcpOptions', { DhcpConfigurations: [{ Key, Values }] })
    expect(await create('netbios-node-type', '2')).toBe('UnsupportedOperation')
    expect(await create('colour', 'red')).toBe('InvalidParameterValue')
    expect(await create('domain-name', 'a\nserver=/#/10.0.0.1')).toBe('InvalidParameterValue')
    expect(await create('domain-name-servers', 'ns.example')).toBe('InvalidParameterValue')
    expect(await create('ntp-servers', '1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4', '1.1.1.5')).toBe(
      'InvalidParameterValue',
    )
    await api.lab.call('DeleteVpc', { VpcId: vpcId })
  })
})

describe('an elastic address', () => {
  test('is the account’s until it is released, with its tags and its reverse name', async () => {
    const { AllocationId: allocationId = '', PublicIp: publicIp = '' } = await api.lab.call('AllocateAddress', {
      Domain: 'vpc',
      TagSpecifications: [{ ResourceType: 'elastic-ip', Tags: [{ Key: 'Name', Value: 'web' }] }],
    })
    const { Addresses: told } = await api.lab.call('DescribeAddresses', {
      Filters: [{ Name: 'tag:Name', Values: ['web'] }],
    })
    expect(told).toEqual([
      {
        AllocationId: allocationId,
        PublicIp: publicIp,
        Domain: 'vpc',
        PublicIpv4Pool: 'amazon',
        NetworkBorderGroup: 'us-east-1',
        Tags: [{ Key: 'Name', Value: 'web' }],
      },
    ])
    const { Address: named } = await api.lab.call('ModifyAddressAttribute', {
      AllocationId: allocationId,
      DomainName: 'web.example.com',
    })
    expect(named?.PtrRecord).toBe('web.example.com.')
    await api.lab.call('ResetAddressAttribute', { AllocationId: allocationId, Attribute: 'domain-name' })
    expect((await api.lab.call('DescribeAddressesAttribute', { AllocationIds: [allocationId] })).Addresses).toEqual([])
    expect(await codeOf('DisassociateAddress', { PublicIp: publicIp })).toBe('InvalidAssociationID.NotFound')
    await api.lab.call('ReleaseAddress', { AllocationId: allocationId })
    expect(await codeOf('ReleaseAddress', { AllocationId: allocationId })).toBe('InvalidAllocationID.NotFound')
    expect(await codeOf('DescribeAddresses', { PublicIps: [publicIp] })).toBe('InvalidAddress.NotFound')
  })

  test('is refused beyond the quota', async () => {
    const made: string[] = []
    for (let count = 0; count < 5; count++) {
      made.push((await api.lab.call('AllocateAddress', {})).AllocationId ?? '')
    }
    expect(await codeOf('AllocateAddress', {})).toBe('AddressLimitExceeded')
    for (const AllocationId of made) await api.lab.call('ReleaseAddress', { AllocationId })
  })
})
