import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk } from './api-lab.ts'
import { createGateway, createSubnet, createVpc, tablesOf } from './vpc-lab.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab('quotas:\n  vpcs: 30\n  routesPerRouteTable: 2\n')
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const refusal = async (name: string, input: object) => await refusalOfSdk(api, name, input)
const codeOf = async (name: string, input: object) => (await refusal(name, input))?.code
const blockPattern = /^fd[0-9a-f]{2}:[0-9a-f:]+::\/56$/

/** A VPC with a block of IPv6 addresses. */
async function dualStackVpc(): Promise<{ vpcId: string; block: string; associationId: string }> {
  const { Vpc: made } = await api.lab.call('CreateVpc', { CidrBlock: '10.0.0.0/16', AmazonProvidedIpv6CidrBlock: true })
  const [association] = made?.Ipv6CidrBlockAssociationSet ?? []
  return {
    vpcId: made?.VpcId ?? '',
    block: association?.Ipv6CidrBlock ?? '',
    associationId: association?.AssociationId ?? '',
  }
}

/** The subnet's block of that number in a VPC's. */
function blockIn(vpcBlock: string, number: number): string {
  const [, start = ''] = /^(.*?)::\/56$/.exec(vpcBlock) ?? []
  const parts = start.split(':')
  const padded = [...parts, ...Array.from({ length: 4 - parts.length }, () => '0')]
  const last = (Number.parseInt(padded[3] ?? '0', 16) + number).toString(16)
  return `${[...padded.slice(0, 3), last].join(':')}::/64`
}

async function dualStackSubnet(vpcId: string, cidr: string, ipv6: string) {
  const { Subnet: made } = await api.lab.call('CreateSubnet', { VpcId: vpcId, CidrBlock: cidr, Ipv6CidrBlock: ipv6 })
  return { subnetId: made?.SubnetId ?? '', association: made?.Ipv6CidrBlockAssociationSet?.[0] }
}

const vpcOf = async (vpcId: string) => (await api.lab.call('DescribeVpcs', { VpcIds: [vpcId] })).Vpcs?.[0]
const egressOf = async (groupId: string) =>
  (await api.lab.call('DescribeSecurityGroups', { GroupIds: [groupId] })).SecurityGroups?.[0]?.IpPermissionsEgress
const defaultGroupOf = async (vpcId: string) => {
  const { SecurityGroups: found } = await api.lab.call('DescribeSecurityGroups', {
    Filters: [
      { Name: 'vpc-id', Values: [vpcId] },
      { Name: 'group-name', Values: ['default'] },
    ],
  })
  return found?.[0]?.GroupId ?? ''
}
const aclOf = async (vpcId: string) =>
  (await api.lab.call('DescribeNetworkAcls', { Filters: [{ Name: 'vpc-id', Values: [vpcId] }] })).NetworkAcls?.[0]
const numbersOf = async (vpcId: string) =>
  (await aclOf(vpcId))?.Entries?.map(({ Egress, RuleNumber, CidrBlock, Ipv6CidrBlock }) =>
    [Egress ? 'out' : 'in', RuleNumber, CidrBlock ?? Ipv6CidrBlock].join(' '),
  )

describe('the IPv6 block of a VPC', () => {
  test('is one of its own from the unique local addresses, and is told with all that EC2 tells', async () => {
    const { vpcId, block, associationId } = await dualStackVpc()
    const other = await dualStackVpc()
    expect(block).toMatch(blockPattern)
    expect(other.block).not.toBe(block)
    const told = await vpcOf(vpcId)
    expect(told?.Ipv6CidrBlockAssociationSet).toEqual([
      {
        AssociationId: associationId,
        Ipv6CidrBlock: block,
        Ipv6CidrBlockState: { State: 'associated' },
        NetworkBorderGroup: 'us-east-1',
        Ipv6Pool: 'Amazon',
        Ipv6AddressAttribute: 'public',
        IpSource: 'amazon',
      },
    ])
    const plain = await createVpc(api)
    const vpcsBy = async (name: string, value: string) =>
      (
        await api.lab.call('DescribeVpcs', {
          Filters: [
            { Name: `ipv6-cidr-block-association.${name}`, Values: [value] },
            { Name: 'vpc-id', Values: [vpcId, plain] },
          ],
        })
      ).Vpcs?.map(({ VpcId: id }) => id)
    expect(await vpcsBy('ipv6-cidr-block', block)).toEqual([vpcId])
    expect(await vpcsBy('association-id', associationId)).toEqual([vpcId])
    expect(await vpcsBy('ipv6-pool', 'Amazon')).toEqual([vpcId])
    expect(await vpcsBy('state', 'associated')).toEqual([vpcId])
  })

  test('may be one of five, is added and taken away, but not under a subnet', async () => {
    const vpcId = await createVpc(api)
    const add = { VpcId: vpcId, AmazonProvidedIpv6CidrBlock: true }
    const { Ipv6CidrBlockAssociation: first } = await api.lab.call('AssociateVpcCidrBlock', add)
    expect(first).toMatchObject({
      Ipv6CidrBlock: expect.stringMatching(blockPattern),
      Ipv6CidrBlockState: { State: 'associated' },
    })
    for (let number = 2; number <= 5; number++) await api.lab.call('AssociateVpcCidrBlock', add)
    expect(await refusal('AssociateVpcCidrBlock', add)).toEqual({
      code: 'CidrLimitExceeded',
      message: `This network '${vpcId}' has met its maximum number of allowed CIDRs: 5`,
    })
    const { subnetId, association } = await dualStackSubnet(
      vpcId,
      '10.0.1.0/24',
      blockIn(first?.Ipv6CidrBlock ?? '', 7),
    )
    const away = { AssociationId: first?.AssociationId ?? '' }
    expect(await refusal('DisassociateVpcCidrBlock', away)).toEqual({
      code: 'InvalidCidrBlock.InUse',
      message: `The vpc ${vpcId} currently has a subnet within CIDR block ${first?.Ipv6CidrBlock}`,
    })
    await api.lab.call('DisassociateSubnetCidrBlock', { AssociationId: association?.AssociationId ?? '' })
    const { Ipv6CidrBlockAssociation: gone } = await api.lab.call('DisassociateVpcCidrBlock', away)
    expect(gone).toEqual({ ...first, Ipv6CidrBlockState: { State: 'disassociated' } })
    expect(await codeOf('DisassociateVpcCidrBlock', away)).toBe('InvalidVpcCidrBlockAssociationID.NotFound')
    expect((await vpcOf(vpcId))?.Ipv6CidrBlockAssociationSet).toHaveLength(4)
    await api.lab.call('DeleteSubnet', { SubnetId: subnetId })
    await api.lab.call('DeleteVpc', { VpcId: vpcId })
  })

  test('is neither chosen nor from elsewhere', async () => {
    const vpcId = await createVpc(api)
    const wishes: [input: object, code: string][] = [
      [{ Ipv6CidrBlock: 'fd12:3456:789a:bc00::/56' }, 'UnsupportedOperation'],
      [{ Ipv6CidrBlock: '2001:db8::/56', Ipv6Pool: 'ipv6pool-ec2-0123456789abcdef0' }, 'UnsupportedOperation'],
      [{ Ipv6IpamPoolId: 'ipam-pool-0123456789abcdef0', Ipv6NetmaskLength: 56 }, 'UnsupportedOperation'],
      [{ AmazonProvidedIpv6CidrBlock: true, CidrBlock: '10.1.0.0/16' }, 'InvalidParameterCombination'],
      [
        { AmazonProvidedIpv6CidrBlock: true, Ipv6CidrBlockNetworkBorderGroup: 'us-east-1-wl1-bos-wlz-1' },
        'InvalidParameterValue',
      ],
      [{ Ipv6CidrBlockNetworkBorderGroup: 'us-east-1' }, 'InvalidParameterCombination'],
      [{ AmazonProvidedIpv6CidrBlock: false }, 'MissingParameter'],
    ]
    for (const [input, code] of wishes) {
      expect(await codeOf('AssociateVpcCidrBlock', { VpcId: vpcId, ...input }), JSON.stringify(input)).toBe(code)
    }
    const { Vpc: made } = await api.lab.call('CreateVpc', {
      CidrBlock: '10.9.0.0/16',
      AmazonProvidedIpv6CidrBlock: true,
      Ipv6CidrBlockNetworkBorderGroup: 'us-east-1',
    })
    expect(made?.Ipv6CidrBlockAssociationSet).toHaveLength(1)
  })

  test('lets what lets all IPv4 pass let all IPv6 pass as well', async () => {
    const { vpcId } = await dualStackVpc()
    const allOut = [
      {
        IpProtocol: '-1',
        IpRanges: [{ CidrIp: '0.0.0.0/0' }],
        Ipv6Ranges: [{ CidrIpv6: '::/0' }],
        PrefixListIds: [],
        UserIdGroupPairs: [],
      },
    ]
    expect(await egressOf(await defaultGroupOf(vpcId))).toEqual(allOut)
    const { GroupId: group = '' } = await api.lab.call('CreateSecurityGroup', {
      GroupName: 'web',
      Description: 'web',
      VpcId: vpcId,
    })
    expect(await egressOf(group)).toEqual(allOut)
    expect(await numbersOf(vpcId)).toEqual([
      'out 100 0.0.0.0/0',
      'out 101 ::/0',
      'out 32767 0.0.0.0/0',
      'out 32768 ::/0',
      'in 100 0.0.0.0/0',
      'in 101 ::/0',
      'in 32767 0.0.0.0/0',
      'in 32768 ::/0',
    ])
  })

  test('added later changes nothing that somebody changed before', async () => {
    const vpcId = await createVpc(api)
    const make = async (GroupName: string) =>
      (await api.lab.call('CreateSecurityGroup', { GroupName, Description: GroupName, VpcId: vpcId })).GroupId ?? ''
    const [untouched, changed] = [await make('untouched'), await make('changed')]
    await api.lab.call('AuthorizeSecurityGroupEgress', {
      GroupId: changed,
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '10.0.0.0/8' }] }],
    })
    const acl = (await aclOf(vpcId))?.NetworkAclId ?? ''
    await api.lab.call('CreateNetworkAclEntry', {
      NetworkAclId: acl,
      RuleNumber: 90,
      Protocol: '6',
      PortRange: { From: 25, To: 25 },
      RuleAction: 'deny',
      Egress: false,
      CidrBlock: '0.0.0.0/0',
    })
    expect(await numbersOf(vpcId)).not.toContainEqual(expect.stringContaining('::/0'))
    const add = async () =>
      await api.lab.call('AssociateVpcCidrBlock', { VpcId: vpcId, AmazonProvidedIpv6CidrBlock: true })
    await add()
    const ipv6Of = async (group: string) => (await egressOf(group))?.flatMap(({ Ipv6Ranges: ranges }) => ranges ?? [])
    expect(await ipv6Of(untouched)).toEqual([{ CidrIpv6: '::/0' }])
    expect(await ipv6Of(await defaultGroupOf(vpcId))).toEqual([{ CidrIpv6: '::/0' }])
    expect(await ipv6Of(changed)).toEqual([])
    const numbers = await numbersOf(vpcId)
    expect(numbers).toContain('out 101 ::/0')
    expect(numbers).not.toContain('in 101 ::/0')
    // A second block brings nothing back.
    await api.lab.call('DeleteNetworkAclEntry', { NetworkAclId: acl, RuleNumber: 101, Egress: true })
    await add()
    expect(await numbersOf(vpcId)).not.toContain('out 101 ::/0')
  })
})

describe('the IPv6 block of a subnet', () => {
  test('lies in its VPC beside the others', async () => {
    const { vpcId, block } = await dualStackVpc()
    const first = blockIn(block, 1)
    const { subnetId, association } = await dualStackSubnet(vpcId, '10.0.1.0/24', first)
    expect(association).toEqual({
      AssociationId: expect.stringMatching(/^subnet-cidr-assoc-[0-9a-f]{17}$/),
      Ipv6CidrBlock: first,
      Ipv6CidrBlockState: { State: 'associated' },
      Ipv6AddressAttribute: 'public',
      IpSource: 'amazon',
    })
    const plain = await createSubnet(api, vpcId, '10.0.2.0/24')
    const refused: [Ipv6CidrBlock: string, code: string][] = [
      [first, 'InvalidSubnet.Conflict'],
      [block.replace('/56', '/60'), 'InvalidSubnet.Conflict'],
      ['fd00:1:2:3::/64', 'InvalidSubnet.Range'],
      [block.replace('/56', '/52'), 'InvalidSubnet.Range'],
      [block.replace('/56', '/62'), 'InvalidParameterValue'],
      [block.replace('/56', '/80'), 'InvalidParameterValue'],
      ['10.0.3.0/24', 'InvalidParameterValue'],
      ['everything', 'InvalidParameterValue'],
    ]
    for (const [Ipv6CidrBlock, code] of refused) {
      expect(await codeOf('AssociateSubnetCidrBlock', { SubnetId: plain, Ipv6CidrBlock }), Ipv6CidrBlock).toBe(code)
      expect(
        await codeOf('CreateSubnet', { VpcId: vpcId, CidrBlock: '10.0.3.0/24', Ipv6CidrBlock }),
        Ipv6CidrBlock,
      ).toBe(code)
    }
    const second = blockIn(block, 2)
    const { Ipv6CidrBlockAssociation: added } = await api.lab.call('AssociateSubnetCidrBlock', {
      SubnetId: plain,
      Ipv6CidrBlock: second,
    })
    expect(added).toMatchObject({ Ipv6CidrBlock: second, Ipv6CidrBlockState: { State: 'associated' } })
    expect(await codeOf('AssociateSubnetCidrBlock', { SubnetId: plain, Ipv6CidrBlock: blockIn(block, 3) })).toBe(
      'CidrLimitExceeded',
    )
    const by = async (name: string, value = '') =>
      (
        await api.lab.call('DescribeSubnets', {
          Filters: [{ Name: `ipv6-cidr-block-association.${name}`, Values: [value] }],
        })
      ).Subnets?.map(({ SubnetId: id }) => id)
    expect(await by('ipv6-cidr-block', first)).toEqual([subnetId])
    expect(await by('association-id', added?.AssociationId)).toEqual([plain])
    expect(await by('state', 'associated')).toEqual(expect.arrayContaining([subnetId, plain]))
    const elsewhere = await createVpc(api, '10.2.0.0/16')
    expect(
      await codeOf('CreateSubnet', { VpcId: elsewhere, CidrBlock: '10.2.0.0/24', Ipv6CidrBlock: blockIn(block, 9) }),
    ).toBe('InvalidSubnet.Range')
  })

  test('is needed for assigning addresses, and stays for as long as it is assigned from or reserved', async () => {
    const { vpcId, block } = await dualStackVpc()
    const plain = await createSubnet(api, vpcId, '10.0.1.0/24')
    const assign = (SubnetId: string, Value: boolean) => ({ SubnetId, AssignIpv6AddressOnCreation: { Value } })
    expect(await refusal('ModifySubnetAttribute', assign(plain, true))).toEqual({
      code: 'InvalidParameterValue',
      message: `Invalid value 'true' for assign-ipv6-address-on-creation. Cannot set assign-ipv6-address-on-creation to true unless the subnet (${plain}) has an IPv6 CIDR block associated with it.`,
    })
    const { subnetId, association } = await dualStackSubnet(vpcId, '10.0.2.0/24', blockIn(block, 1))
    await api.lab.call('ModifySubnetAttribute', assign(subnetId, true))
    const told = async () => (await api.lab.call('DescribeSubnets', { SubnetIds: [subnetId] })).Subnets?.[0]
    expect(await told()).toMatchObject({
      AssignIpv6AddressOnCreation: true,
      Ipv6CidrBlockAssociationSet: [association],
      Ipv6Native: false,
      EnableDns64: false,
    })
    const away = { AssociationId: association?.AssociationId ?? '' }
    expect(await refusal('DisassociateSubnetCidrBlock', away)).toEqual({
      code: 'InvalidCidrBlock.InUse',
      message: `The subnet IPv6 CIDR block with association ID ${away.AssociationId} may not be disassociated, because its subnet has assign-ipv6-address-on-creation set to true.`,
    })
    await api.lab.call('ModifySubnetAttribute', assign(subnetId, false))
    const range = { SubnetId: subnetId, Cidr: blockIn(block, 1).replace('/64', '/80'), ReservationType: 'prefix' }
    const { SubnetCidrReservation: reservation } = await api.lab.call('CreateSubnetCidrReservation', {
      ...range,
      ReservationType: 'prefix',
    })
    expect(reservation).toMatchObject({ Cidr: range.Cidr, ReservationType: 'prefix' })
    for (const [SubnetId, Cidr] of [
      [subnetId, range.Cidr.replace('/80', '/96')],
      [subnetId, blockIn(block, 2)],
      [plain, range.Cidr],
    ]) {
      expect(await codeOf('CreateSubnetCidrReservation', { ...range, SubnetId, Cidr })).toBe('InvalidParameterValue')
    }
    const reserved = await api.lab.call('GetSubnetCidrReservations', { SubnetId: subnetId })
    expect(reserved.SubnetIpv6CidrReservations).toEqual([reservation])
    expect(reserved.SubnetIpv4CidrReservations).toEqual([])
    expect(await codeOf('DisassociateSubnetCidrBlock', away)).toBe('InvalidCidrBlock.InUse')
    await api.lab.call('DeleteSubnetCidrReservation', {
      SubnetCidrReservationId: reservation?.SubnetCidrReservationId ?? '',
    })
    const { Ipv6CidrBlockAssociation: gone } = await api.lab.call('DisassociateSubnetCidrBlock', away)
    expect(gone).toEqual({ ...association, Ipv6CidrBlockState: { State: 'disassociated' } })
    expect((await told())?.Ipv6CidrBlockAssociationSet).toEqual([])
    expect(await codeOf('DisassociateSubnetCidrBlock', away)).toBe('InvalidSubnetCidrBlockAssociationID.NotFound')
    expect(await codeOf('DisassociateSubnetCidrBlock', { AssociationId: 'subnet-cidr-assoc-x' })).toBe(
      'InvalidSubnetCidrBlockAssociationId.Malformed',
    )
  })

  test('does not make a subnet of IPv6 alone, or one that translates names', async () => {
    const { vpcId, block } = await dualStackVpc()
    const ipv6 = { VpcId: vpcId, Ipv6CidrBlock: blockIn(block, 1) }
    expect(await codeOf('CreateSubnet', { ...ipv6, Ipv6Native: true })).toBe('UnsupportedOperation')
    expect(await codeOf('CreateSubnet', ipv6)).toBe('MissingParameter')
    const { subnetId } = await dualStackSubnet(vpcId, '10.0.2.0/24', ipv6.Ipv6CidrBlock)
    expect(await codeOf('ModifySubnetAttribute', { SubnetId: subnetId, EnableDns64: { Value: true } })).toBe(
      'UnsupportedOperation',
    )
  })
})

describe('an egress-only internet gateway', () => {
  const create = async (vpcId: string, ClientToken?: string) =>
    await api.lab.call('CreateEgressOnlyInternetGateway', {
      VpcId: vpcId,
      ...(ClientToken ? { ClientToken } : {}),
      TagSpecifications: [{ ResourceType: 'egress-only-internet-gateway', Tags: [{ Key: 'tier', Value: 'app' }] }],
    })

  test('belongs to its VPC, which has one, from its making to its end', async () => {
    const { vpcId } = await dualStackVpc()
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
    const { vpcId, block } = await dualStackVpc()
    const { subnetId } = await dualStackSubnet(vpcId, '10.0.1.0/24', blockIn(block, 1))
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
    const { vpcId, block } = await dualStackVpc()
    const { subnetId } = await dualStackSubnet(vpcId, '10.0.1.0/24', blockIn(block, 1))
    const igw = await createGateway(api, vpcId)
    const { NatGateway: nat } = await api.lab.call('CreateNatGateway', {
      SubnetId: subnetId,
      ConnectivityType: 'private',
    })
    const NatGatewayId = nat?.NatGatewayId ?? ''
    const { EgressOnlyInternetGateway: made } = await api.lab.call('CreateEgressOnlyInternetGateway', { VpcId: vpcId })
    const EgressOnlyInternetGatewayId = made?.EgressOnlyInternetGatewayId ?? ''
    const other = await dualStackVpc()
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

describe('a peering connection', () => {
  test('tells the IPv6 blocks of both sides', async () => {
    const own = await dualStackVpc()
    const { Vpc: peer } = await api.lab.call('CreateVpc', {
      CidrBlock: '10.1.0.0/16',
      AmazonProvidedIpv6CidrBlock: true,
    })
    const { VpcPeeringConnection: made } = await api.lab.call('CreateVpcPeeringConnection', {
      VpcId: own.vpcId,
      PeerVpcId: peer?.VpcId ?? '',
    })
    const id = made?.VpcPeeringConnectionId ?? ''
    await api.lab.call('AcceptVpcPeeringConnection', { VpcPeeringConnectionId: id })
    const { VpcPeeringConnections: told } = await api.lab.call('DescribeVpcPeeringConnections', {
      VpcPeeringConnectionIds: [id],
    })
    expect(told?.[0]?.RequesterVpcInfo?.Ipv6CidrBlockSet).toEqual([{ Ipv6CidrBlock: own.block }])
    expect(told?.[0]?.AccepterVpcInfo?.Ipv6CidrBlockSet).toEqual([
      { Ipv6CidrBlock: peer?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock },
    ])
  })
})

describe('a lab', () => {
  test('has a network of both families, which stays as it is, and goes again', async () => {
    const file = join(api.lab.home, 'dual.yaml')
    const manifest = [
      'name: dual',
      'vpc: { cidr: 10.40.0.0/16, ipv6: true }',
      'subnets:',
      '  web: { cidr: 10.40.0.0/24, ipv6: 5, assignIpv6: true, routes: { ::/0: internet } }',
      '  app: { cidr: 10.40.1.0/24, ipv6: true, routes: { ::/0: egressOnly } }',
      "securityGroups: { web: { ingress: [{ ports: 443, from: ['::/0'] }] } }",
    ]
    await writeFile(file, manifest.join('\n'))
    const up = async () => (await api.lab.kiln('up', '-f', file, '--yes')).stdout
    await up()
    const { Subnets: subnets } = await api.lab.call('DescribeSubnets', {
      Filters: [{ Name: 'tag:Name', Values: ['dual-*'] }],
    })
    const told = await vpcOf(subnets?.[0]?.VpcId ?? '')
    const block = told?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock ?? ''
    expect(
      subnets?.map((subnet) => [
        subnet.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock,
        subnet.AssignIpv6AddressOnCreation,
      ]),
    ).toEqual(
      expect.arrayContaining([
        [blockIn(block, 5), true],
        [blockIn(block, 0), false],
      ]),
    )
    const { EgressOnlyInternetGateways: gateways } = await api.lab.call('DescribeEgressOnlyInternetGateways', {
      Filters: [{ Name: 'tag:Name', Values: ['dual'] }],
    })
    expect(gateways).toHaveLength(1)
    expect(await up()).toContain('No changes.')
    const { exitCode } = await api.lab.kiln('down', '-f', file, '--yes')
    expect(exitCode).toBe(0)
    expect(await codeOf('DescribeVpcs', { VpcIds: [subnets?.[0]?.VpcId] })).toBe('InvalidVpcID.NotFound')
  })
})
