import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk } from '../api-lab.ts'
import { createVpc } from '../vpc-lab.ts'
import { blockIn, createDualStackSubnet, createDualStackVpc } from './dual-stack-vpc.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab('quotas:\n  vpcs: 30\n')
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const refusal = async (name: string, input: object) => await refusalOfSdk(api, name, input)
const codeOf = async (name: string, input: object) => (await refusal(name, input))?.code
const blockPattern = /^fd[0-9a-f]{2}:[0-9a-f:]+::\/56$/
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
    const { vpcId, block, associationId } = await createDualStackVpc(api)
    const other = await createDualStackVpc(api)
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
    const { subnetId, association } = await createDualStackSubnet(
      api,
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
    const { vpcId } = await createDualStackVpc(api)
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

describe('a peering connection', () => {
  test('tells the IPv6 blocks of both sides', async () => {
    const own = await createDualStackVpc(api)
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
