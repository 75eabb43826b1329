import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../lab.ts'
import { type ApiLab, openApiLab, refusalOfSdk, waitForState } from '../api-lab.ts'
import {
  createBothSubnets,
  createInterface,
  deleteInterfaces,
  launch,
  setAssignOnCreation,
  terminate,
} from './address-lab.ts'

let api: ApiLab
/** With a block of IPv6 addresses. */
let subnetId: string
/** The first four parts of them. */
let prefix: string
let plainSubnetId: string

beforeAll(async () => {
  api = await openApiLab()
  ;({ subnetId, prefix, plainSubnetId } = await createBothSubnets(api))
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const codeOf = async (name: string, input: object) => (await refusalOfSdk(api, name, input))?.code
/** An address of the subnet with that end. */
const own = (end: string) => `${prefix}::${end}`

async function describeOne(id: string) {
  const { NetworkInterfaces: found } = await api.lab.call('DescribeNetworkInterfaces', { NetworkInterfaceIds: [id] })
  const [only] = found ?? []
  if (!only) throw new Error(`${id} is not there`)
  return only
}

const addressesOf = async (id: string) => (await describeOne(id)).Ipv6Addresses?.map(({ Ipv6Address: one }) => one)

describe('a network interface', () => {
  test('has the IPv6 addresses that it was made with, and is found by them', async () => {
    const id = await createInterface(api, subnetId, {
      Ipv6Addresses: [{ Ipv6Address: own('00A0').toUpperCase() }, { Ipv6Address: own('b') }],
    })
    expect(await describeOne(id)).toMatchObject({
      Ipv6Address: own('a0'),
      Ipv6Addresses: [
        { Ipv6Address: own('a0'), IsPrimaryIpv6: false },
        { Ipv6Address: own('b'), IsPrimaryIpv6: false },
      ],
    })
    for (const [value, expected] of [
      [own('b'), [id]],
      [`${prefix}*`, [id]],
      [own('c'), []],
    ] as const) {
      const { NetworkInterfaces: found } = await api.lab.call('DescribeNetworkInterfaces', {
        Filters: [{ Name: 'ipv6-addresses.ipv6-address', Values: [value] }],
      })
      expect(found?.map(({ NetworkInterfaceId: one }) => one)).toEqual(expected)
    }
    const other = { SubnetId: subnetId, Ipv6Addresses: [{ Ipv6Address: own('b') }] }
    expect(await codeOf('CreateNetworkInterface', other)).toBe('InvalidIPAddress.InUse')
    await deleteInterfaces(api, id)
    await deleteInterfaces(api, await createInterface(api, subnetId, other))
  })

  test('gets as many as are counted, each another one of the block', async () => {
    const [one, two] = [
      await createInterface(api, subnetId, { Ipv6AddressCount: 3 }),
      await createInterface(api, subnetId, { Ipv6AddressCount: 2 }),
    ]
    const all = [...((await addressesOf(one)) ?? []), ...((await addressesOf(two)) ?? [])]
    expect(new Set(all).size).toBe(5)
    for (const address of all) expect(address?.startsWith(`${prefix}:`)).toBe(true)
    await deleteInterfaces(api, one, two)
  })

  test('is assigned further ones and gives them back', async () => {
    const id = await createInterface(api, subnetId)
    expect(await addressesOf(id)).toEqual([])
    const assign = async (more: object) =>
      await api.lab.call('AssignIpv6Addresses', { NetworkInterfaceId: id, ...more })
    expect(await assign({ Ipv6Addresses: [own('10'), own('11')] })).toMatchObject({
      NetworkInterfaceId: id,
      AssignedIpv6Addresses: [own('10'), own('11')],
    })
    const { AssignedIpv6Addresses: drawn = [] } = await assign({ Ipv6AddressCount: 1 })
    expect(await addressesOf(id)).toEqual([own('10'), own('11'), ...drawn])
    // Again is no mistake.
    expect(await assign({ Ipv6Addresses: [own('11')] })).toMatchObject({ AssignedIpv6Addresses: [] })
    const back = { NetworkInterfaceId: id, Ipv6Addresses: [own('0010'), ...drawn] }
    expect(await api.lab.call('UnassignIpv6Addresses', back)).toMatchObject({
      NetworkInterfaceId: id,
      UnassignedIpv6Addresses: [own('10'), ...drawn],
    })
    expect(await addressesOf(id)).toEqual([own('11')])
    expect(await codeOf('UnassignIpv6Addresses', back)).toBe('InvalidParameterValue')
    await deleteInterfaces(api, id)
  })

  test('keeps its primary IPv6 address for as long as it is attached', async () => {
    const id = await createInterface(api, subnetId, { Ipv6AddressCount: 2 })
    const [first = '', second = ''] = (await addressesOf(id)) ?? []
    const modify = (value: boolean) => ({ NetworkInterfaceId: id, EnablePrimaryIpv6: value })
    await api.lab.call('ModifyNetworkInterfaceAttribute', modify(false))
    await api.lab.call('ModifyNetworkInterfaceAttribute', modify(true))
    expect((await describeOne(id)).Ipv6Addresses).toMatchObject([{ IsPrimaryIpv6: true }, { IsPrimaryIpv6: false }])
    expect(await codeOf('ModifyNetworkInterfaceAttribute', modify(false))).toBe('InvalidParameterValue')
    const unassign = (...Ipv6Addresses: string[]) => ({ NetworkInterfaceId: id, Ipv6Addresses })
    expect(await codeOf('UnassignIpv6Addresses', unassign(first))).toBe('InvalidParameterCombination')
    await api.lab.call('UnassignIpv6Addresses', unassign(second))
    const [instanceId = ''] = await launch(api, { NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId: id }] })
    await waitForState(api, instanceId, 'running')
    await terminate(api, instanceId)
    expect((await describeOne(id)).Ipv6Addresses).toEqual([{ Ipv6Address: first, IsPrimaryIpv6: false }])
    await deleteInterfaces(api, id)
    const bare = await createInterface(api, subnetId)
    const wanted = { NetworkInterfaceId: bare, EnablePrimaryIpv6: true }
    expect(await codeOf('ModifyNetworkInterfaceAttribute', wanted)).toBe('InvalidParameterCombination')
    const given = await createInterface(api, subnetId, { EnablePrimaryIpv6: true })
    expect((await describeOne(given)).Ipv6Addresses).toMatchObject([{ IsPrimaryIpv6: true }])
    await deleteInterfaces(api, bare, given)
  })

  test('gets one unasked where its subnet says so, and none when none is asked for', async () => {
    await setAssignOnCreation(api, subnetId, true)
    const ids = [
      await createInterface(api, subnetId),
      await createInterface(api, subnetId, { Ipv6AddressCount: 0 }),
      await createInterface(api, subnetId, { Ipv6AddressCount: 2 }),
    ]
    const counts = await Promise.all(ids.map(async (id) => (await addressesOf(id))?.length))
    expect(counts).toEqual([1, 0, 2])
    await setAssignOnCreation(api, subnetId, false)
    await deleteInterfaces(api, ...ids)
  })

  test.each([
    ['both counted and listed', { Ipv6AddressCount: 1, Ipv6Addresses: ['::20'] }, 'InvalidParameterCombination'],
    ['fewer than none', { Ipv6AddressCount: -1 }, 'InvalidParameterValue'],
    ['the same twice', { Ipv6Addresses: ['::20', '::20'] }, 'InvalidParameterCombination'],
    ['a reserved address', { Ipv6Addresses: ['::3'] }, 'InvalidParameterValue'],
    ['an address of elsewhere', { Ipv6Addresses: ['fd00:ec2::254'] }, 'InvalidParameterValue'],
    ['no address', { Ipv6Addresses: ['10.0.1.9'] }, 'InvalidParameterValue'],
    ['more than any type allows', { Ipv6AddressCount: 1000 }, 'PrivateIpAddressLimitExceeded'],
    ['a prefix', { Ipv6PrefixCount: 1 }, 'UnsupportedOperation'],
  ])('is refused %s, when it is made and later', async (_, wanted, code) => {
    const { Ipv6Addresses: ends, ...rest } = wanted as { Ipv6Addresses?: string[]; Ipv6AddressCount?: number }
    const listed = ends?.map((end) => (end.startsWith('::') ? own(end.slice(2)) : end))
    const shapes = listed && { Ipv6Addresses: listed.map((address) => ({ Ipv6Address: address })) }
    expect(await codeOf('CreateNetworkInterface', { SubnetId: subnetId, ...rest, ...shapes })).toBe(code)
    const id = await createInterface(api, subnetId)
    const assign = { NetworkInterfaceId: id, ...rest, ...(listed ? { Ipv6Addresses: listed } : {}) }
    expect(await codeOf('AssignIpv6Addresses', assign)).toBe(code)
    await deleteInterfaces(api, id)
  })

  test('has none without a block of its subnet, and is asked what is wanted', async () => {
    const plain = { SubnetId: plainSubnetId, Ipv6AddressCount: 1 }
    expect(await codeOf('CreateNetworkInterface', plain)).toBe('InvalidParameterValue')
    const id = await createInterface(api, subnetId)
    for (const operation of ['AssignIpv6Addresses', 'UnassignIpv6Addresses']) {
      expect(await codeOf(operation, { NetworkInterfaceId: id })).toBe('MissingParameter')
    }
    const primary = { SubnetId: subnetId, EnablePrimaryIpv6: true, Ipv6AddressCount: 0 }
    expect(await codeOf('CreateNetworkInterface', primary)).toBe('InvalidParameterCombination')
    await deleteInterfaces(api, id)
  })
})

describe('an Instance Connect Endpoint', () => {
  async function endpointIn(SubnetId: string, more: object = {}): Promise<string> {
    const { InstanceConnectEndpoint: made } = await api.lab.call('CreateInstanceConnectEndpoint', { SubnetId, ...more })
    const id = made?.InstanceConnectEndpointId ?? ''
    await until(async () => (await look(id)).State === 'create-complete')
    return id
  }

  async function look(id: string) {
    const told = await api.lab.call('DescribeInstanceConnectEndpoints', { InstanceConnectEndpointIds: [id] })
    const [endpoint] = told.InstanceConnectEndpoints ?? []
    const { Ipv6Addresses: addresses } = await describeOne(endpoint?.NetworkInterfaceIds?.[0] ?? '').catch(() => ({
      Ipv6Addresses: [],
    }))
    return { ...endpoint, addresses: addresses?.map(({ Ipv6Address: one }) => one) }
  }

  async function remove(InstanceConnectEndpointId: string): Promise<void> {
    await api.lab.call('DeleteInstanceConnectEndpoint', { InstanceConnectEndpointId })
  }

  test('is of both families where its subnet is, unless told otherwise, and changes', async () => {
    const id = await endpointIn(subnetId)
    const both = {
      IpAddressType: 'dualstack',
      PublicDnsNames: {
        Ipv4: { DnsName: expect.stringMatching(/\.amazonaws\.com$/) as string },
        Dualstack: { DnsName: expect.stringMatching(/\.api\.aws$/) as string },
      },
      addresses: [expect.stringContaining(`${prefix}:`) as string],
    }
    expect(await look(id)).toMatchObject(both)
    const modify = async (more: object) => {
      await api.lab.call('ModifyInstanceConnectEndpoint', { InstanceConnectEndpointId: id, ...more })
      await until(async () => (await look(id)).State?.endsWith('-complete') === true)
    }
    await modify({ IpAddressType: 'dualstack' })
    expect(await look(id)).toMatchObject(both)
    await modify({ IpAddressType: 'ipv4' })
    const told = await look(id)
    expect([told.IpAddressType, told.addresses, told.PublicDnsNames?.Dualstack]).toEqual(['ipv4', [], undefined])
    await modify({ IpAddressType: 'dualstack' })
    expect(await look(id)).toMatchObject(both)
    await remove(id)
    const plain = await endpointIn(subnetId, { IpAddressType: 'ipv4' })
    expect(await look(plain)).toMatchObject({ IpAddressType: 'ipv4', addresses: [] })
    await remove(plain)
  })

  test('has no IPv6 without a block of its subnet, and never that alone', async () => {
    const create = async (more: object) => await codeOf('CreateInstanceConnectEndpoint', more)
    expect(await create({ SubnetId: plainSubnetId, IpAddressType: 'dualstack' })).toBe('InvalidParameterValue')
    expect(await create({ SubnetId: subnetId, IpAddressType: 'ipv6' })).toBe('UnsupportedOperation')
    const id = await endpointIn(plainSubnetId)
    expect(await look(id)).toMatchObject({ IpAddressType: 'ipv4', addresses: [] })
    const modified = { InstanceConnectEndpointId: id, IpAddressType: 'dualstack' }
    expect(await codeOf('ModifyInstanceConnectEndpoint', modified)).toBe('InvalidParameterValue')
    await remove(id)
  })
})
