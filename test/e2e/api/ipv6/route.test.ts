import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk } from '../api-lab.ts'
import { createGateway, createVpc, tablesOf } from '../vpc-lab.ts'
import { blockIn, createDualStackSubnet, createDualStackVpc } from './dual-stack-vpc.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab('quotas:\n  vpcs: 30\n  routesPerRouteTable: 2\n')
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const refusal = async (name: string, input: object) => await refusalOfSdk(api, name, input)
const codeOf = async (name: string, input: object) => (await refusal(name, input))?.code

describe('an egress-only internet gateway', () => {
  const create = async (vpcId: string, ClientToken?: string) =>
    await api.lab.call('CreateEgressOnlyInternetGateway', {
      VpcId: vpcId,
      ...(ClientToken ? { ClientToken } : {}),
      TagSpecifications: [{ ResourceType: 'egress-only-internet-gateway', Tags: [{ Key: 'tier', Value: 'app' }] }],
    })

  test('belongs to its VPC, which has one, from its making to its end', async () => {
    const { vpcId } = await createDualStackVpc(api)
    const { EgressOnlyInternetGateway: made, ClientToken: token } = await create(vpcId, 'once')
    expect(token).toBe('once')
    const id = made?.EgressOnlyInternetGatewayId ?? ''
    expect(made).toEqual({
      EgressOnlyInternetGatewayId: expect.stringMatching(/^eigw-[0-9a-f]{17}$/),
      Attachments: [{ State: 'attached', VpcId: vpcId }],
      Tags: [{ Key: 'tier', Value: 'app' }],
    })
    expect((await create(vpcId, 'once')).EgressOnlyInternetGateway).toEqual(made)
    expect(await codeOf('CreateEgressOnlyInternetGateway', { VpcId: vpcId })).toBe('InvalidParameterValue')
    const listed = async (Filters: object[] = []) =>
      (await api.lab.call('DescribeEgressOnlyInternetGateways', { Filters })).EgressOnlyInternetGateways
    expect(await listed([{ Name: 'tag:tier', Values: ['app'] }])).toEqual([made])
    expect(await listed([{ Name: 'tag-key', Values: ['other'] }])).toEqual([])
    expect(
      await codeOf('DescribeEgressOnlyInternetGateways', { Filters: [{ Name: 'attachment.vpc-id', Values: [vpcId] }] }),
    ).toBe('InvalidParameterValue')
    const { Tags: tags } = await api.lab.call('DescribeTags', { Filters: [{ Name: 'resource-id', Values: [id] }] })
    expect(tags).toMatchObject([{ ResourceType: 'egress-only-internet-gateway', Key: 'tier' }])
    expect(await codeOf('DeleteVpc', { VpcId: vpcId })).toBe('DependencyViolation')
    expect(await api.lab.call('DeleteEgressOnlyInternetGateway', { EgressOnlyInternetGatewayId: id })).toMatchObject({
      ReturnCode: true,
    })
    expect(await codeOf('DeleteEgressOnlyInternetGateway', { EgressOnlyInternetGatewayId: id })).toBe(
      'InvalidEgressOnlyInternetGatewayId.NotFound',
    )
    expect(await codeOf('DescribeEgressOnlyInternetGateways', { EgressOnlyInternetGatewayIds: ['eigw-1'] })).toBe(
      'InvalidEgressOnlyInternetGatewayId.Malformed',
    )
    await api.lab.call('DeleteVpc', { VpcId: vpcId })
  })

  test('is one of five in a region', async () => {
    const ids: string[] = []
    const vpcIds: string[] = []
    for (let number = 0; number < 5; number++) {
      vpcIds.push(await createVpc(api))
      ids.push((await create(vpcIds.at(-1) ?? '')).EgressOnlyInternetGateway?.EgressOnlyInternetGatewayId ?? '')
    }
    vpcIds.push(await createVpc(api))
    expect(await codeOf('CreateEgressOnlyInternetGateway', { VpcId: vpcIds[5] })).toBe(
      'EgressOnlyInternetGatewayLimitExceeded',
    )
    const page = await api.lab.call('DescribeEgressOnlyInternetGateways', { MaxResults: 5 })
    expect(page.EgressOnlyInternetGateways?.map(({ EgressOnlyInternetGatewayId: id }) => id)).toEqual(ids)
    for (const id of ids) {
      await api.lab.call('DeleteEgressOnlyInternetGateway', { EgressOnlyInternetGatewayId: id })
    }
    for (const VpcId of vpcIds) await api.lab.call('DeleteVpc', { VpcId })
  })
})

describe('a route for IPv6', () => {
  test('leads to what carries IPv6, beside the local ones, and shows when its way is gone', async () => {
    const { vpcId, block } = await createDualStackVpc(api)
    const { subnetId } = await createDualStackSubnet(api, vpcId, '10.0.1.0/24', blockIn(block, 1))
    const igw = await createGateway(api, vpcId)
    const { EgressOnlyInternetGateway: made } = await api.lab.call('CreateEgressOnlyInternetGateway', { VpcId: vpcId })
    const eigw = made?.EgressOnlyInternetGatewayId ?? ''
    const [main] = await tablesOf(api, vpcId)
    const inTable = { RouteTableId: main?.RouteTableId ?? '' }
    const routes = async () => (await tablesOf(api, vpcId))[0]?.Routes
    const local = [
      { DestinationCidrBlock: '10.0.0.0/16', GatewayId: 'local', Origin: 'CreateRouteTable', State: 'active' },
      { DestinationIpv6CidrBlock: block, GatewayId: 'local', Origin: 'CreateRouteTable', State: 'active' },
    ]
    expect(await routes()).toEqual(local)
    const everywhere = { ...inTable, DestinationIpv6CidrBlock: '0::0/0' }
    await api.lab.call('CreateRoute', { ...everywhere, EgressOnlyInternetGatewayId: eigw })
    const toEgressOnly = {
      DestinationIpv6CidrBlock: '::/0',
      EgressOnlyInternetGatewayId: eigw,
      Origin: 'CreateRoute',
      State: 'active',
    }
    expect(await routes()).toEqual([...local, toEgressOnly])
    expect(await codeOf('CreateRoute', { ...everywhere, GatewayId: igw })).toBe('RouteAlreadyExists')
    for (const [Name, value] of [
      ['route.destination-ipv6-cidr-block', '::/0'],
      ['route.destination-ipv6-cidr-block', block],
      ['route.egress-only-internet-gateway-id', eigw],
    ] as const) {
      expect(await tablesOf(api, vpcId, { Name, Values: [value] }), value).toHaveLength(1)
    }
    await api.lab.call('ReplaceRoute', { ...everywhere, GatewayId: igw })
    expect((await routes())?.at(-1)).toEqual({
      DestinationIpv6CidrBlock: '::/0',
      GatewayId: igw,
      Origin: 'CreateRoute',
      State: 'active',
    })
    await api.lab.call('ReplaceRoute', { ...everywhere, EgressOnlyInternetGatewayId: eigw })
    await api.lab.call('DeleteEgressOnlyInternetGateway', { EgressOnlyInternetGatewayId: eigw })
    expect((await routes())?.at(-1)).toEqual({ ...toEgressOnly, State: 'blackhole' })
    await api.lab.call('DeleteRoute', everywhere)
    expect(await refusal('DeleteRoute', { ...inTable, DestinationIpv6CidrBlock: '::/0' })).toEqual({
      code: 'InvalidRoute.NotFound',
      message: `no route with destination-ipv6-cidr-block ::/0 in route table ${inTable.RouteTableId}`,
    })
    const { NetworkInterface: router } = await api.lab.call('CreateNetworkInterface', { SubnetId: subnetId })
    const byRouter = { ...inTable, NetworkInterfaceId: router?.NetworkInterfaceId ?? '' }
    await api.lab.call('CreateRoute', { ...byRouter, DestinationIpv6CidrBlock: blockIn(block, 1) })
    expect((await routes())?.at(-1)).toMatchObject({ DestinationIpv6CidrBlock: blockIn(block, 1), State: 'blackhole' })
    expect(await codeOf('DeleteRoute', { ...inTable, DestinationIpv6CidrBlock: block })).toBe('InvalidParameterValue')
    expect(await codeOf('CreateRoute', { ...byRouter, DestinationIpv6CidrBlock: block })).toBe('UnsupportedOperation')
    expect(await codeOf('CreateRoute', { ...byRouter, DestinationIpv6CidrBlock: blockIn(block, 2) })).toBe(
      'InvalidParameterValue',
    )
  })

  test('is refused to what does not carry IPv6, and for what is no block of it', async () => {
    const { vpcId, block } = await createDualStackVpc(api)
    const { subnetId } = await createDualStackSubnet(api, vpcId, '10.0.1.0/24', blockIn(block, 1))
    const igw = await createGateway(api, vpcId)
    const { NatGateway: nat } = await api.lab.call('CreateNatGateway', {
      SubnetId: subnetId,
      ConnectivityType: 'private',
    })
    const NatGatewayId = nat?.NatGatewayId ?? ''
    const { EgressOnlyInternetGateway: made } = await api.lab.call('CreateEgressOnlyInternetGateway', { VpcId: vpcId })
    const EgressOnlyInternetGatewayId = made?.EgressOnlyInternetGatewayId ?? ''
    const other = await createDualStackVpc(api)
    const [main] = await tablesOf(api, vpcId)
    const [otherMain] = await tablesOf(api, other.vpcId)
    const refused: [input: object, code: string][] = [
      [{ DestinationIpv6CidrBlock: '::/0', NatGatewayId }, 'InvalidParameterValue'],
      [{ DestinationIpv6CidrBlock: '64:ff9b::/96', NatGatewayId }, 'UnsupportedOperation'],
      [{ DestinationCidrBlock: '0.0.0.0/0', EgressOnlyInternetGatewayId }, 'InvalidParameterValue'],
      [{ DestinationIpv6CidrBlock: '0.0.0.0/0', GatewayId: igw }, 'InvalidParameterValue'],
      [{ DestinationCidrBlock: '::/0', GatewayId: igw }, 'InvalidParameterValue'],
      [{ DestinationIpv6CidrBlock: 'fd00:ec2::254/128', GatewayId: igw }, 'InvalidParameterValue'],
      [{ DestinationIpv6CidrBlock: '::/0' }, 'MissingParameter'],
      [{ DestinationIpv6CidrBlock: '::/0', GatewayId: igw, NatGatewayId }, 'InvalidParameterCombination'],
      [
        { DestinationIpv6CidrBlock: '::/0', DestinationCidrBlock: '0.0.0.0/0', GatewayId: igw },
        'InvalidParameterCombination',
      ],
      [
        { DestinationIpv6CidrBlock: '::/0', EgressOnlyInternetGatewayId: 'eigw-0123456789abcdef0' },
        'InvalidEgressOnlyInternetGatewayId.NotFound',
      ],
    ]
    for (const [input, code] of refused) {
      expect(await codeOf('CreateRoute', { RouteTableId: main?.RouteTableId, ...input }), JSON.stringify(input)).toBe(
        code,
      )
    }
    expect(
      await codeOf('CreateRoute', {
        RouteTableId: otherMain?.RouteTableId,
        DestinationIpv6CidrBlock: '::/0',
        EgressOnlyInternetGatewayId,
      }),
    ).toBe('InvalidParameterValue')
    const { PrefixList: list } = await api.lab.call('CreateManagedPrefixList', {
      PrefixListName: 'partners',
      MaxEntries: 2,
      AddressFamily: 'IPv6',
      Entries: [{ Cidr: '2001:db8::/32' }],
    })
    const byList = { RouteTableId: main?.RouteTableId ?? '', DestinationPrefixListId: list?.PrefixListId ?? '' }
    expect(await codeOf('CreateRoute', { ...byList, NatGatewayId })).toBe('InvalidParameterValue')
    await api.lab.call('CreateRoute', { ...byList, EgressOnlyInternetGatewayId })
    // Each family has a quota of its own, of two here.
    expect(
      await codeOf('CreateRoute', {
        RouteTableId: byList.RouteTableId,
        DestinationIpv6CidrBlock: '::/0',
        GatewayId: igw,
      }),
    ).toBe('RouteLimitExceeded')
    await api.lab.call('CreateRoute', {
      RouteTableId: byList.RouteTableId,
      DestinationCidrBlock: '0.0.0.0/0',
      GatewayId: igw,
    })
    expect((await tablesOf(api, vpcId))[0]?.Routes?.slice(2)).toEqual([
      {
        DestinationPrefixListId: list?.PrefixListId,
        EgressOnlyInternetGatewayId,
        Origin: 'CreateRoute',
        State: 'active',
      },
      { DestinationCidrBlock: '0.0.0.0/0', GatewayId: igw, Origin: 'CreateRoute', State: 'active' },
    ])
  })
})
