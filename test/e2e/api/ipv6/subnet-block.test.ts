import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk } from '../api-lab.ts'
import { createSubnet, createVpc } from '../vpc-lab.ts'
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

describe('the IPv6 block of a subnet', () => {
  test('lies in its VPC beside the others', async () => {
    const { vpcId, block } = await createDualStackVpc(api)
    const first = blockIn(block, 1)
    const { subnetId, association } = await createDualStackSubnet(api, vpcId, '10.0.1.0/24', first)
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
    const { vpcId, block } = await createDualStackVpc(api)
    const plain = await createSubnet(api, vpcId, '10.0.1.0/24')
    const assign = (SubnetId: string, Value: boolean) => ({ SubnetId, AssignIpv6AddressOnCreation: { Value } })
    expect(await refusal('ModifySubnetAttribute', assign(plain, true))).toEqual({
      code: 'InvalidParameterValue',
      message: `Invalid value 'true' for assign-ipv6-address-on-creation. Cannot set assign-ipv6-address-on-creation to true unless the subnet (${plain}) has an IPv6 CIDR block associated with it.`,
    })
    const { subnetId, association } = await createDualStackSubnet(api, vpcId, '10.0.2.0/24', blockIn(block, 1))
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
    const { vpcId, block } = await createDualStackVpc(api)
    const ipv6 = { VpcId: vpcId, Ipv6CidrBlock: blockIn(block, 1) }
    expect(await codeOf('CreateSubnet', { ...ipv6, Ipv6Native: true })).toBe('UnsupportedOperation')
    expect(await codeOf('CreateSubnet', ipv6)).toBe('MissingParameter')
    const { subnetId } = await createDualStackSubnet(api, vpcId, '10.0.2.0/24', ipv6.Ipv6CidrBlock)
    expect(await codeOf('ModifySubnetAttribute', { SubnetId: subnetId, EnableDns64: { Value: true } })).toBe(
      'UnsupportedOperation',
    )
  })
})
