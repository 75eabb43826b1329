import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk } from './api-lab.ts'
import { createGateway, createSubnet, createVpc, defaultVpcId, tablesOf } from './vpc-lab.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab('quotas:\n  vpcs: 20\n')
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const refusal = async (name: string, input: object) => await refusalOfSdk(api, name, input)
const codeOf = async (name: string, input: object) => (await refusal(name, input))?.code

describe('a region', () => {
  test('begins with a default VPC whose main table leads to its internet gateway', async () => {
    const vpcId = await defaultVpcId(api)
    const { InternetGateways: gateways } = await api.lab.call('DescribeInternetGateways', {
      Filters: [{ Name: 'attachment.vpc-id', Values: [vpcId] }],
    })
    expect(gateways).toHaveLength(1)
    expect(gateways?.[0]?.Attachments).toEqual([{ State: 'available', VpcId: vpcId }])
    const [main] = await tablesOf(api, vpcId, { Name: 'association.main', Values: ['true'] })
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
    expect(await tablesOf(api, vpcId)).toHaveLength(1)
    const groups = async () =>
      (await api.lab.call('DescribeSecurityGroups', { Filters: [{ Name: 'vpc-id', Values: [vpcId] }] })).SecurityGroups
    expect((await groups())?.map(({ GroupName }) => GroupName)).toEqual(['default'])
    await api.lab.call('DeleteVpc', { VpcId: vpcId })
    expect([await groups(), await tablesOf(api, vpcId)]).toEqual([[], []])
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
    const vpcId = await createVpc(api, '10.2.0.0/16')
    const { CidrBlockAssociation: added } = await api.lab.call('AssociateVpcCidrBlock', {
      VpcId: vpcId,
      CidrBlock: '10.3.0.0/16',
    })
    const associationId = added?.AssociationId ?? ''
    expect(added?.CidrBlockState).toEqual({ State: 'associated' })
    expect(await codeOf('AssociateVpcCidrBlock', { VpcId: vpcId, CidrBlock: '10.3.128.0/20' })).toBe('CidrConflict')
    expect((await tablesOf(api, vpcId))[0]?.Routes?.map(({ DestinationCidrBlock }) => DestinationCidrBlock)).toEqual([
      '10.2.0.0/16',
      '10.3.0.0/16',
    ])
    const subnetId = await createSubnet(api, vpcId, '10.3.1.0/24')
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
    const vpcId = await createVpc(api)
    const subnetId = await createSubnet(api, vpcId, '10.0.1.0/24')
    const gatewayId = await createGateway(api, vpcId)
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
    const vpcId = await defaultVpcId(api)
    expect(await api.lab.call('DescribeVpcClassicLink', { VpcIds: [vpcId] })).toEqual({
      Vpcs: [{ VpcId: vpcId, ClassicLinkEnabled: false, Tags: [] }],
    })
    expect(await api.lab.call('DescribeVpcClassicLinkDnsSupport', {})).toEqual({ Vpcs: [] })
  })
})

describe('DHCP options', () => {
  test('are kept as given, belong to VPCs, and what no guest understands is refused', async () => {
    const { DhcpOptions: made } = await api.lab.call('CreateDhcpOptions', {
      DhcpConfigurations: [
        { Key: 'domain-name', Values: ['lab.example'] },
        { Key: 'domain-name-servers', Values: ['10.0.0.53', 'AmazonProvidedDNS', '2001:DB8::53'] },
        { Key: 'ntp-servers', Values: [1, 2, 3, 4].flatMap((last) => [`10.0.0.${last}`, `2001:db8::${last}`]) },
        { Key: 'netbios-name-servers', Values: ['10.0.0.124'] },
        { Key: 'netbios-node-type', Values: ['2'] },
        { Key: 'ipv6-address-preferred-lease-time', Values: ['600'] },
      ],
    })
    const optionsId = made?.DhcpOptionsId ?? ''
    const vpcId = await createVpc(api)
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
    expect(await create('netbios-node-type', '3')).toBe('InvalidParameterValue')
    expect(await create('ipv6-address-preferred-lease-time', '139')).toBe('InvalidParameterValue')
    expect(await create('colour', 'red')).toBe('InvalidParameterValue')
    expect(await create('domain-name', 'a\nserver=/#/10.0.0.1')).toBe('InvalidParameterValue')
    expect(await create('domain-name-servers', 'ns.example')).toBe('InvalidParameterValue')
    expect(await create('domain-name-servers', 'fe80::1%eth0')).toBe('InvalidParameterValue')
    expect(await create('domain-name-servers', '1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4', '2001:db8::5')).toBe(
      'InvalidParameterValue',
    )
    expect(await create('netbios-name-servers', '2001:db8::1')).toBe('InvalidParameterValue')
    expect(await create('ntp-servers', '1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4', '1.1.1.5')).toBe(
      'InvalidParameterValue',
    )
    await api.lab.call('DeleteVpc', { VpcId: vpcId })
  })
})
