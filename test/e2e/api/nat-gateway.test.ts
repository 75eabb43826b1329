import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../lab.ts'
import { type ApiLab, openApiLab, refusalOfSdk } from './api-lab.ts'
import { createGateway, createSubnet, createVpc, defaultVpcId, tablesOf } from './vpc-lab.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab()
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const codeOf = async (name: string, input: object) => (await refusalOfSdk(api, name, input))?.code

async function gatewayOf(id: string) {
  const { NatGateways: found } = await api.lab.call('DescribeNatGateways', { NatGatewayIds: [id] })
  return found?.[0]
}

async function create(input: object): Promise<string> {
  const { NatGateway: made } = await api.lab.call('CreateNatGateway', input)
  expect(made?.State).toBe('pending')
  return made?.NatGatewayId ?? ''
}

async function untilState(id: string, state: string): Promise<void> {
  await until(async () => (await gatewayOf(id))?.State === state)
}

async function allocate(): Promise<string> {
  return (await api.lab.call('AllocateAddress', {})).AllocationId ?? ''
}

describe('a NAT gateway', () => {
  test('has an interface that is its own, and keeps its subnet, its address and its internet gateway', async () => {
    const vpcId = await createVpc(api)
    const subnetId = await createSubnet(api, vpcId, '10.0.1.0/24')
    const allocationId = await allocate()
    const igw = await createGateway(api, vpcId)
    const id = await create({
      SubnetId: subnetId,
      AllocationId: allocationId,
      PrivateIpAddress: '10.0.1.77',
      TagSpecifications: [{ ResourceType: 'natgateway', Tags: [{ Key: 'Name', Value: 'out' }] }],
    })
    await untilState(id, 'available')
    const told = await gatewayOf(id)
    const address = told?.NatGatewayAddresses?.[0]
    expect(told).toMatchObject({
      VpcId: vpcId,
      SubnetId: subnetId,
      ConnectivityType: 'public',
      NatGatewayAddresses: [
        { PrivateIp: '10.0.1.77', AllocationId: allocationId, IsPrimary: true, Status: 'succeeded' },
      ],
      Tags: [{ Key: 'Name', Value: 'out' }],
    })
    const interfaceId = address?.NetworkInterfaceId ?? ''
    const { NetworkInterfaces: interfaces } = await api.lab.call('DescribeNetworkInterfaces', {
      Filters: [
        { Name: 'interface-type', Values: ['nat_gateway'] },
        { Name: 'attachment.nat-gateway-id', Values: [id] },
        { Name: 'attachment.status', Values: ['attached'] },
        { Name: 'requester-managed', Values: ['true'] },
      ],
    })
    expect(interfaces).toMatchObject([
      {
        NetworkInterfaceId: interfaceId,
        InterfaceType: 'nat_gateway',
        RequesterManaged: true,
        SourceDestCheck: false,
        Status: 'in-use',
        PrivateIpAddress: '10.0.1.77',
        Association: { AllocationId: allocationId, PublicIp: address?.PublicIp },
        Attachment: { InstanceOwnerId: 'amazon-aws', Status: 'attached' },
        Description: `Interface for NAT Gateway ${id}`,
      },
    ])
    const ofInterface = { NetworkInterfaceId: interfaceId }
    for (const [operation, input] of [
      ['DeleteNetworkInterface', {}],
      ['AssignPrivateIpAddresses', { SecondaryPrivateIpAddressCount: 1 }],
      ['UnassignPrivateIpAddresses', { PrivateIpAddresses: ['10.0.1.77'] }],
      ['ModifyNetworkInterfaceAttribute', { SourceDestCheck: { Value: true } }],
      ['AssociateAddress', { AllocationId: await allocate() }],
    ] as const) {
      expect(`${operation} ${await codeOf(operation, { ...input, ...ofInterface })}`).toBe(
        `${operation} OperationNotPermitted`,
      )
    }
    expect(await codeOf('DisassociateAddress', { AssociationId: address?.AssociationId })).toBe('OperationNotPermitted')
    expect(await codeOf('ReleaseAddress', { AllocationId: allocationId })).toBe('InvalidIPAddress.InUse')
    expect(await codeOf('DeleteSubnet', { SubnetId: subnetId })).toBe('DependencyViolation')
    expect(await codeOf('DeleteVpc', { VpcId: vpcId })).toBe('DependencyViolation')
    expect(await codeOf('DetachInternetGateway', { VpcId: vpcId, InternetGatewayId: igw })).toBe('DependencyViolation')
    expect(await codeOf('CreateNatGateway', { SubnetId: subnetId, AllocationId: allocationId })).toBe(
      'Resource.AlreadyAssociated',
    )
    expect(
      await codeOf('CreateNatGateway', {
        SubnetId: subnetId,
        ConnectivityType: 'private',
        PrivateIpAddress: '10.0.1.77',
      }),
    ).toBe('InvalidIPAddress.InUse')
    await api.lab.call('DeleteNatGateway', { NatGatewayId: id })
    await untilState(id, 'deleted')
    expect((await gatewayOf(id))?.DeleteTime).toEqual(expect.any(String))
    await api.lab.call('ReleaseAddress', { AllocationId: allocationId })
    await api.lab.call('DetachInternetGateway', { VpcId: vpcId, InternetGatewayId: igw })
    await api.lab.call('DeleteSubnet', { SubnetId: subnetId })
    await api.lab.call('DeleteVpc', { VpcId: vpcId })
  })

  test('is refused in EC2 words, and fails where its VPC has no internet gateway', async () => {
    const vpcId = await createVpc(api, '10.2.0.0/16')
    const subnetId = await createSubnet(api, vpcId, '10.2.1.0/24')
    const allocationId = await allocate()
    const inSubnet = { SubnetId: subnetId }
    expect(await codeOf('CreateNatGateway', inSubnet)).toBe('MissingParameter')
    expect(await codeOf('CreateNatGateway', { AllocationId: allocationId })).toBe('MissingParameter')
    expect(await codeOf('CreateNatGateway', { ...inSubnet, AllocationId: 'eipalloc-0123456789abcdef0' })).toBe(
      'InvalidAllocationID.NotFound',
    )
    expect(await codeOf('CreateNatGateway', { SubnetId: 'subnet-0123456789abcdef0', AllocationId: allocationId })).toBe(
      'InvalidSubnetID.NotFound',
    )
    expect(
      await codeOf('CreateNatGateway', { ...inSubnet, AllocationId: allocationId, ConnectivityType: 'private' }),
    ).toBe('InvalidParameter')
    expect(await codeOf('CreateNatGateway', { ...inSubnet, AvailabilityMode: 'regional' })).toBe('UnsupportedOperation')
    expect(
      await codeOf('CreateNatGateway', { ...inSubnet, ConnectivityType: 'private', SecondaryPrivateIpAddressCount: 1 }),
    ).toBe('UnsupportedOperation')
    expect(await codeOf('DeleteNatGateway', { NatGatewayId: 'nat-0123456789abcdef0' })).toBe('NatGatewayNotFound')
    expect(await codeOf('DescribeNatGateways', { NatGatewayIds: ['nat-1'] })).toBe('NatGatewayMalformed')
    const failed = await create({ ...inSubnet, AllocationId: allocationId })
    expect(await gatewayOf(failed)).toMatchObject({
      State: 'failed',
      FailureCode: 'Gateway.NotAttached',
      FailureMessage: `Network ${vpcId} has no Internet gateway attached`,
    })
    await api.lab.call('ReleaseAddress', { AllocationId: allocationId })
    const token = { ...inSubnet, ConnectivityType: 'private' as const, ClientToken: 'once' }
    const id = await create(token)
    expect((await api.lab.call('CreateNatGateway', token)).NatGateway?.NatGatewayId).toBe(id)
    for (const [Name, value] of [
      ['nat-gateway-id', id],
      ['subnet-id', subnetId],
      ['vpc-id', vpcId],
    ] as const) {
      const { NatGateways: found } = await api.lab.call('DescribeNatGateways', {
        Filter: [
          { Name, Values: [value] },
          { Name: 'state', Values: ['pending', 'available'] },
        ],
      })
      expect(found?.map(({ NatGatewayId }) => NatGatewayId)).toEqual([id])
    }
  })
})

describe('a route', () => {
  test('leads to what is in its VPC, and turns into a blackhole with it', async () => {
    const vpcId = await createVpc(api, '10.3.0.0/16')
    const subnetId = await createSubnet(api, vpcId, '10.3.1.0/24')
    const other = await createSubnet(api, await createVpc(api, '10.4.0.0/16'), '10.4.1.0/24')
    const table = (await tablesOf(api, vpcId))[0]?.RouteTableId ?? ''
    const nat = await create({ SubnetId: subnetId, ConnectivityType: 'private' })
    const foreign = await create({ SubnetId: other, ConnectivityType: 'private' })
    const { NetworkInterface: made } = await api.lab.call('CreateNetworkInterface', { SubnetId: subnetId })
    const interfaceId = made?.NetworkInterfaceId ?? ''
    const inTable = { RouteTableId: table }
    const toNat = { ...inTable, DestinationCidrBlock: '0.0.0.0/0', NatGatewayId: nat }
    expect(await codeOf('CreateRoute', { ...toNat, NatGatewayId: foreign })).toBe('InvalidParameterValue')
    expect(await codeOf('CreateRoute', { ...toNat, NatGatewayId: 'nat-0123456789abcdef0' })).toBe('NatGatewayNotFound')
    expect(await codeOf('CreateRoute', { ...toNat, NetworkInterfaceId: interfaceId })).toBe(
      'InvalidParameterCombination',
    )
    expect(await codeOf('CreateRoute', { ...inTable, DestinationCidrBlock: '0.0.0.0/0' })).toBe('MissingParameter')
    expect(await codeOf('CreateRoute', { ...inTable, NatGatewayId: nat })).toBe('MissingParameter')
    expect(await codeOf('CreateRoute', { ...toNat, DestinationCidrBlock: '169.254.168.0/24' })).toBe(
      'InvalidParameterValue',
    )
    const toPeer = { ...inTable, DestinationCidrBlock: '0.0.0.0/0', VpcPeeringConnectionId: 'pcx-0123456789abcdef0' }
    expect(await codeOf('CreateRoute', toPeer)).toBe('InvalidVpcPeeringConnectionID.NotFound')
    await api.lab.call('CreateRoute', toNat)
    expect(await codeOf('CreateRoute', { ...toNat, NatGatewayId: undefined, NetworkInterfaceId: interfaceId })).toBe(
      'RouteAlreadyExists',
    )
    const aside = { ...inTable, NetworkInterfaceId: interfaceId }
    expect(await codeOf('CreateRoute', { ...aside, DestinationCidrBlock: '10.3.0.0/17' })).toBe('InvalidParameterValue')
    expect(await codeOf('CreateRoute', { ...aside, DestinationCidrBlock: '10.3.0.0/16' })).toBe('UnsupportedOperation')
    await api.lab.call('CreateRoute', { ...aside, DestinationCidrBlock: '10.3.1.0/24' })
    const told = async () => (await tablesOf(api, vpcId))[0]?.Routes?.slice(1)
    expect(await told()).toEqual([
      { DestinationCidrBlock: '0.0.0.0/0', NatGatewayId: nat, Origin: 'CreateRoute', State: 'active' },
      // Its interface is attached to no instance.
      {
        DestinationCidrBlock: '10.3.1.0/24',
        NetworkInterfaceId: interfaceId,
        Origin: 'CreateRoute',
        State: 'blackhole',
      },
    ])
    for (const [Name, value] of [
      ['route.nat-gateway-id', nat],
      ['route.state', 'blackhole'],
    ] as const) {
      expect(await tablesOf(api, vpcId, { Name, Values: [value] })).toHaveLength(1)
    }
    await api.lab.call('DeleteNatGateway', { NatGatewayId: nat })
    expect((await told())?.[0]).toMatchObject({ NatGatewayId: nat, State: 'blackhole' })
    await api.lab.call('DeleteRoute', { ...inTable, DestinationCidrBlock: '0.0.0.0/0' })
    expect(await codeOf('DeleteRoute', { ...inTable, DestinationCidrBlock: '0.0.0.0/0' })).toBe('InvalidRoute.NotFound')
  })

  test('by a prefix list stands for its entries, which it counts for and keeps', async () => {
    const vpcId = await defaultVpcId(api)
    const subnetId = await createSubnet(api, vpcId, '172.31.128.0/24')
    const table = (await tablesOf(api, vpcId))[0]?.RouteTableId ?? ''
    const nat = await create({ SubnetId: subnetId, ConnectivityType: 'private' })
    const make = async (AddressFamily: 'IPv4' | 'IPv6', MaxEntries: number) =>
      (
        await api.lab.call('CreateManagedPrefixList', {
          PrefixListName: `routes-${AddressFamily}-${MaxEntries}`,
          MaxEntries,
          AddressFamily,
        })
      ).PrefixList?.PrefixListId ?? ''
    const list = await make('IPv4', 2)
    const byList = { RouteTableId: table, DestinationPrefixListId: list }
    expect(await codeOf('CreateRoute', { ...byList, DestinationCidrBlock: '10.9.0.0/16', NatGatewayId: nat })).toBe(
      'InvalidParameterCombination',
    )
    expect(
      await codeOf('CreateRoute', { ...byList, DestinationPrefixListId: await make('IPv6', 2), NatGatewayId: nat }),
    ).toBe('InvalidParameterValue')
    expect(
      await codeOf('CreateRoute', { ...byList, DestinationPrefixListId: await make('IPv4', 501), NatGatewayId: nat }),
    ).toBe('RouteLimitExceeded')
    await api.lab.call('CreateRoute', { ...byList, NatGatewayId: nat })
    expect((await tablesOf(api, vpcId))[0]?.Routes?.at(-1)).toEqual({
      DestinationPrefixListId: list,
      NatGatewayId: nat,
      Origin: 'CreateRoute',
      State: 'active',
    })
    expect(await tablesOf(api, vpcId, { Name: 'route.destination-prefix-list-id', Values: [list] })).toHaveLength(1)
    expect(await codeOf('DeleteManagedPrefixList', { PrefixListId: list })).toBe('DependencyViolation')
    expect(await codeOf('ModifyManagedPrefixList', { PrefixListId: list, MaxEntries: 600 })).toBe('RouteLimitExceeded')
    await api.lab.call('DeleteRoute', byList)
    await api.lab.call('DeleteManagedPrefixList', { PrefixListId: list })
  })
})
