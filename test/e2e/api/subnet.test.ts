import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk } from './api-lab.ts'
import { createSubnet, createVpc } from './vpc-lab.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab()
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const codeOf = async (name: string, input: object) => (await refusalOfSdk(api, name, input))?.code

describe('a subnet', () => {
  test('lies in its VPC beside the others, and tells what was set', async () => {
    const vpcId = await createVpc(api)
    const subnetId = await createSubnet(api, vpcId, '10.0.1.0/28', 'us-east-1b')
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
    ).toBe('InvalidParameterValue')
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

describe('a reservation in a subnet', () => {
  test('keeps its addresses back until somebody asks for one of them', async () => {
    const subnetId = await createSubnet(api, await createVpc(api, '10.77.0.0/16'), '10.77.1.0/24')
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
    ).toBe('InvalidParameterValue')
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
