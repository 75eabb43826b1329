import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, describeInstance, openApiLab, refusalOfSdk, waitForState } from '../api-lab.ts'
import {
  createBothSubnets,
  createInterface,
  deleteInterfaces,
  launch,
  launchOf,
  setAssignOnCreation,
  terminate,
} from './address-lab.ts'

let api: ApiLab
/** With a block of IPv6 addresses. */
let subnetId: string
/** The first four parts of them. */
let prefix: string

beforeAll(async () => {
  api = await openApiLab()
  ;({ subnetId, prefix } = await createBothSubnets(api))
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const codeOf = async (name: string, input: object) => (await refusalOfSdk(api, name, input))?.code
/** An address of the subnet with that end. */
const own = (end: string) => `${prefix}::${end}`

describe('an instance', () => {
  test('is launched with IPv6 addresses, found by them, and keeps them while it is stopped', async () => {
    const options = { HttpProtocolIpv6: 'enabled', HttpTokens: 'required' }
    const [id = ''] = await launch(api, { SubnetId: subnetId, Ipv6AddressCount: 2, MetadataOptions: options })
    const told = await describeInstance(api, id)
    const addresses = told.NetworkInterfaces?.[0]?.Ipv6Addresses?.map(({ Ipv6Address: one }) => one) ?? []
    expect(addresses).toHaveLength(2)
    expect(told).toMatchObject({ Ipv6Address: addresses[0], MetadataOptions: options })
    for (const [Name, Value] of [
      ['ipv6-address', addresses[0]],
      ['network-interface.ipv6-address', addresses[1]],
      ['network-interface.ipv6-addresses.ipv6-address', addresses[1]],
      ['metadata-options.http-protocol-ipv6', 'enabled'],
      ['network-interface.ipv6-addresses.is-primary-ipv6', 'false'],
    ] as const) {
      const { Reservations: found } = await api.lab.call('DescribeInstances', {
        Filters: [
          { Name, Values: [Value ?? ''] },
          { Name: 'instance-state-name', Values: ['pending', 'running'] },
        ],
      })
      expect(
        found?.map(({ Instances: all }) => all?.map(({ InstanceId: one }) => one)),
        Name,
      ).toEqual([[id]])
    }
    const { LaunchTemplateData: data } = await api.lab.call('GetLaunchTemplateData', { InstanceId: id })
    expect(data?.NetworkInterfaces).toMatchObject([{ Ipv6AddressCount: 2 }])
    expect(data?.MetadataOptions).toMatchObject({ HttpProtocolIpv6: 'enabled' })
    await waitForState(api, id, 'running')
    await api.lab.call('StopInstances', { InstanceIds: [id], Force: true })
    await waitForState(api, id, 'stopped')
    expect((await describeInstance(api, id)).Ipv6Address).toBe(addresses[0])
    const { InstanceMetadataOptions: changed } = await api.lab.call('ModifyInstanceMetadataOptions', {
      InstanceId: id,
      HttpProtocolIpv6: 'disabled',
    })
    expect(changed).toMatchObject({ HttpProtocolIpv6: 'disabled', HttpTokens: 'required' })
    await terminate(api, id)
    const gone = await api.lab.call('DescribeNetworkInterfaces', {
      Filters: [{ Name: 'ipv6-addresses.ipv6-address', Values: addresses.map(String) }],
    })
    expect(gone.NetworkInterfaces).toEqual([])
  })

  test('gets one where its subnet says so, each of several its own', async () => {
    await setAssignOnCreation(api, subnetId, true)
    const ids = await launch(api, { SubnetId: subnetId, MaxCount: 2 })
    const [first, second] = await Promise.all(ids.map(async (id) => (await describeInstance(api, id)).Ipv6Address))
    expect(first?.startsWith(prefix)).toBe(true)
    expect(second?.startsWith(prefix)).toBe(true)
    expect(first).not.toBe(second)
    const [without = ''] = await launch(api, { SubnetId: subnetId, Ipv6AddressCount: 0 })
    expect((await describeInstance(api, without)).Ipv6Address).toBeUndefined()
    await setAssignOnCreation(api, subnetId, false)
    await terminate(api, ...ids, without)
  })

  test('takes over its template what the request counts, instead of what the template lists', async () => {
    const { LaunchTemplate: made } = await api.lab.call('CreateLaunchTemplate', {
      LaunchTemplateName: 'dual',
      LaunchTemplateData: {
        ImageId: api.imageId,
        InstanceType: 't3.nano',
        NetworkInterfaces: [
          { DeviceIndex: 0, SubnetId: subnetId, Ipv6Addresses: [{ Ipv6Address: own('77') }], PrimaryIpv6: true },
        ],
      },
    })
    const template = { LaunchTemplate: { LaunchTemplateId: made?.LaunchTemplateId }, MinCount: 1, MaxCount: 1 }
    const start = async (more: object = {}) =>
      (await api.lab.call('RunInstances', { ...template, ...more })).Instances?.[0]
    const listed = await start()
    expect(listed?.NetworkInterfaces?.[0]?.Ipv6Addresses).toEqual([{ Ipv6Address: own('77'), IsPrimaryIpv6: true }])
    const counted = await start({ NetworkInterfaces: [{ DeviceIndex: 0, Ipv6AddressCount: 2 }] })
    expect(counted?.NetworkInterfaces?.[0]?.Ipv6Addresses).toHaveLength(2)
    await terminate(api, listed?.InstanceId ?? '', counted?.InstanceId ?? '')
  })

  test.each([
    ['as many as its type allows', { Ipv6AddressCount: 3 }, 'PrivateIpAddressLimitExceeded'],
    ['none of a type without them', { Ipv6AddressCount: 1, InstanceType: 'm1.small' }, 'InvalidParameterCombination'],
    ['one that is given to one only', { Ipv6Addresses: ['50'], MaxCount: 2 }, 'InvalidParameterCombination'],
    ['those of its interfaces', { Ipv6AddressCount: 1, NetworkInterfaces: [{}] }, 'InvalidParameterCombination'],
    [
      'those that an interface has already',
      { NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId: 'eni-1', Ipv6AddressCount: 1 }] },
      'InvalidParameterCombination',
    ],
  ])('has %s', async (_, wanted, code) => {
    const {
      Ipv6Addresses: ends,
      NetworkInterfaces: interfaces,
      ...rest
    } = wanted as {
      Ipv6Addresses?: string[]
      NetworkInterfaces?: { DeviceIndex?: number }[]
    }
    const listed = ends && { Ipv6Addresses: ends.map((end) => ({ Ipv6Address: own(end) })) }
    const place = interfaces
      ? { NetworkInterfaces: interfaces.map((one) => ({ DeviceIndex: 0, ...one })) }
      : { SubnetId: subnetId }
    expect(await codeOf('RunInstances', launchOf(api, { ...place, ...rest, ...listed }))).toBe(code)
  })

  test('takes an interface only as far as its type allows', async () => {
    const many = await createInterface(api, subnetId, { Ipv6AddressCount: 5 })
    const given = { NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId: many }] }
    expect(await codeOf('RunInstances', launchOf(api, given))).toBe('PrivateIpAddressLimitExceeded')
    const [id = ''] = await launch(api, { SubnetId: subnetId })
    await waitForState(api, id, 'running')
    const attach = { InstanceId: id, NetworkInterfaceId: many, DeviceIndex: 1 }
    expect(await codeOf('AttachNetworkInterface', attach)).toBe('PrivateIpAddressLimitExceeded')
    const primary = (await describeInstance(api, id)).NetworkInterfaces?.[0]?.NetworkInterfaceId ?? ''
    const assign = (Ipv6AddressCount: number) => ({ NetworkInterfaceId: primary, Ipv6AddressCount })
    expect(await codeOf('AssignIpv6Addresses', assign(3))).toBe('PrivateIpAddressLimitExceeded')
    await api.lab.call('AssignIpv6Addresses', assign(2))
    expect((await describeInstance(api, id)).NetworkInterfaces?.[0]?.Ipv6Addresses).toHaveLength(2)
    await terminate(api, id)
    await deleteInterfaces(api, many)
  })
})
