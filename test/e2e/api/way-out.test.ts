import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk } from './api-lab.ts'
import { createGateway, createSubnet, createVpc, tablesOf } from './vpc-lab.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab('quotas:\n  vpcs: 20\n')
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const refusal = async (name: string, input: object) => await refusalOfSdk(api, name, input)
const codeOf = async (name: string, input: object) => (await refusal(name, input))?.code

describe('an internet gateway', () => {
  test('belongs to one VPC, which has one gateway, and leaves blackholes behind', async () => {
    const [vpcId, otherVpcId] = [await createVpc(api), await createVpc(api)]
    const gatewayId = await createGateway(api)
    expect(await codeOf('DetachInternetGateway', { InternetGatewayId: gatewayId, VpcId: vpcId })).toBe(
      'Gateway.NotAttached',
    )
    const table = (await tablesOf(api, vpcId))[0]?.RouteTableId ?? ''
    const route = { RouteTableId: table, DestinationCidrBlock: '0.0.0.0/0', GatewayId: gatewayId }
    expect(await codeOf('CreateRoute', route)).toBe('InvalidParameterValue')
    await api.lab.call('AttachInternetGateway', { InternetGatewayId: gatewayId, VpcId: vpcId })
    expect(await codeOf('AttachInternetGateway', { InternetGatewayId: gatewayId, VpcId: otherVpcId })).toBe(
      'Resource.AlreadyAssociated',
    )
    const second = await createGateway(api)
    expect(await refusal('AttachInternetGateway', { InternetGatewayId: second, VpcId: vpcId })).toEqual({
      code: 'InvalidParameterValue',
      message: `Network ${vpcId} already has an internet gateway attached`,
    })
    expect(await api.lab.call('CreateRoute', route)).toEqual({ Return: true })
    await api.lab.call('DetachInternetGateway', { InternetGatewayId: gatewayId, VpcId: vpcId })
    const blackholes = await tablesOf(api, vpcId, { Name: 'route.state', Values: ['blackhole'] })
    expect(blackholes[0]?.Routes?.[1]).toMatchObject({ GatewayId: gatewayId, State: 'blackhole' })
    for (const InternetGatewayId of [gatewayId, second]) {
      await api.lab.call('DeleteInternetGateway', { InternetGatewayId })
    }
    for (const VpcId of [vpcId, otherVpcId]) await api.lab.call('DeleteVpc', { VpcId })
  })
})

describe('a route table', () => {
  test('holds for one subnet each, or for all others as the main one', async () => {
    const vpcId = await createVpc(api)
    const subnetId = await createSubnet(api, vpcId, '10.0.1.0/24')
    const [main] = await tablesOf(api, vpcId)
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
    const bySubnet = await tablesOf(api, vpcId, { Name: 'association.subnet-id', Values: [subnetId] })
    expect(bySubnet.map(({ RouteTableId }) => RouteTableId)).toEqual([tableId])
    await api.lab.call('DisassociateRouteTable', { AssociationId: associationId })
    expect(await codeOf('DisassociateRouteTable', { AssociationId: associationId })).toBe(
      'InvalidAssociationID.NotFound',
    )
    await api.lab.call('ReplaceRouteTableAssociation', { AssociationId: mainAssociation, RouteTableId: tableId })
    const mains = await tablesOf(api, vpcId, { Name: 'association.main', Values: ['true'] })
    expect(mains.map(({ RouteTableId }) => RouteTableId)).toEqual([tableId])
    await api.lab.call('DeleteRouteTable', { RouteTableId: main?.RouteTableId ?? '' })
    await api.lab.call('DeleteSubnet', { SubnetId: subnetId })
    await api.lab.call('DeleteVpc', { VpcId: vpcId })
  })

  test('takes routes to the gateway alone, each destination once, and keeps the local one', async () => {
    const vpcId = await createVpc(api)
    const gatewayId = await createGateway(api, vpcId)
    const RouteTableId = (await tablesOf(api, vpcId))[0]?.RouteTableId ?? ''
    const destination = (DestinationCidrBlock: string) => ({ RouteTableId, DestinationCidrBlock })
    const route = (block: string) => ({ ...destination(block), GatewayId: gatewayId })
    await api.lab.call('CreateRoute', route('192.0.2.7/24'))
    expect(await codeOf('CreateRoute', route('10.0.1.0/24'))).toBe('InvalidParameterValue')
    expect(await codeOf('CreateRoute', { ...destination('192.0.2.0/25'), GatewayId: 'igw-0123456789abcdef0' })).toBe(
      'InvalidGatewayID.NotFound',
    )
    expect(
      await refusal('CreateRoute', { ...destination('0.0.0.0/0'), TransitGatewayId: 'tgw-0123456789abcdef0' }),
    ).toEqual({
      code: 'UnsupportedOperation',
      message: 'The parameter TransitGatewayId of CreateRoute is not supported by Kiln.',
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
