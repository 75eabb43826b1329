import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../lab.ts'
import { type ApiLab, describeInstance, openApiLab, refusalOfSdk, waitForState } from './api-lab.ts'

let api: ApiLab
/** With a block of IPv6 addresses. */
let subnetId: string
/** The first four parts of them. */
let prefix: string
let plainSubnetId: string

beforeAll(async () => {
  api = await openApiLab()
  const { Vpc: made } = await api.lab.call('CreateVpc', { CidrBlock: '10.0.0.0/16', AmazonProvidedIpv6CidrBlock: true })
  const vpcId = made?.VpcId ?? ''
  const block = made?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock?.replace('/56', '/64')
  const subnet = { VpcId: vpcId, AvailabilityZone: 'us-east-1a' }
  const dual = await api.lab.call('CreateSubnet', { ...subnet, CidrBlock: '10.0.1.0/24', Ipv6CidrBlock: block })
  subnetId = dual.Subnet?.SubnetId ?? ''
  prefix = block?.replace('::/64', '') ?? ''
  plainSubnetId = (await api.lab.call('CreateSubnet', { ...subnet, CidrBlock: '10.0.2.0/24' })).Subnet?.SubnetId ?? ''
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const codeOf = async (name: string, input: object) => (await refusalOfSdk(api, name, input))?.code
/** An address of the subnet with that end. */
const own = (end: string) => `${prefix}::${end}`

async function create(more: object = {}): Promise<string> {
  const { NetworkInterface: made } = await api.lab.call('CreateNetworkInterface', { SubnetId: subnetId, ...more })
  return made?.NetworkInterfaceId ?? ''
}

async function describeOne(id: string) {
  const { NetworkInterfaces: found } = await api.lab.call('DescribeNetworkInterfaces', { NetworkInterfaceIds: [id] })
  const [only] = found ?? []
  if (!only) throw new Error(`${id} is not there`)
  return only
}

const addressesOf = async (id: string) => (await describeOne(id)).Ipv6Addresses?.map(({ Ipv6Address: one }) => one)

async function remove(...ids: string[]): Promise<void> {
  for (const NetworkInterfaceId of ids) await api.lab.call('DeleteNetworkInterface', { NetworkInterfaceId })
}

async function setAssignOnCreation(value: boolean): Promise<void> {
  await api.lab.call('ModifySubnetAttribute', { SubnetId: subnetId, AssignIpv6AddressOnCreation: { Value: value } })
}

const launchOf = (more: object) => ({
  ...{ ImageId: api.imageId, InstanceType: 't3.nano' as const, MinCount: 1, MaxCount: 1 },
  ...more,
})

async function launch(more: object): Promise<string[]> {
  const { Instances: launched } = await api.lab.call('RunInstances', launchOf(more))
  return launched?.flatMap(({ InstanceId: id }) => id ?? []) ?? []
}

async function terminate(...ids: string[]): Promise<void> {
  await api.lab.call('TerminateInstances', { InstanceIds: ids })
  for (const id of ids) await waitForState(api, id, 'terminated')
}

describe('a network interface', () => {
  test('has the IPv6 addresses that it was made with, and is found by them', async () => {
    const id = await create({ Ipv6Addresses: [{ Ipv6Address: own('00A0').toUpperCase() }, { Ipv6Address: own('b') }] })
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
    await remove(id)
    await remove(await create(other))
  })

  test('gets as many as are counted, each another one of the block', async () => {
    const [one, two] = [await create({ Ipv6AddressCount: 3 }), await create({ Ipv6AddressCount: 2 })]
    const all = [...((await addressesOf(one)) ?? []), ...((await addressesOf(two)) ?? [])]
    expect(new Set(all).size).toBe(5)
    for (const address of all) expect(address?.startsWith(`${prefix}:`)).toBe(true)
    await remove(one, two)
  })

  test('is assigned further ones and gives them back', async () => {
    const id = await create()
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
    await remove(id)
  })

  test('keeps its primary IPv6 address for as long as it is attached', async () => {
    const id = await create({ Ipv6AddressCount: 2 })
    const [first = '', second = ''] = (await addressesOf(id)) ?? []
    const modify = (value: boolean) => ({ NetworkInterfaceId: id, EnablePrimaryIpv6: value })
    await api.lab.call('ModifyNetworkInterfaceAttribute', modify(false))
    await api.lab.call('ModifyNetworkInterfaceAttribute', modify(true))
    expect((await describeOne(id)).Ipv6Addresses).toMatchObject([{ IsPrimaryIpv6: true }, { IsPrimaryIpv6: false }])
    expect(await codeOf('ModifyNetworkInterfaceAttribute', modify(false))).toBe('InvalidParameterValue')
    const unassign = (...Ipv6Addresses: string[]) => ({ NetworkInterfaceId: id, Ipv6Addresses })
    expect(await codeOf('UnassignIpv6Addresses', unassign(first))).toBe('InvalidParameterCombination')
    await api.lab.call('UnassignIpv6Addresses', unassign(second))
    const [instanceId = ''] = await launch({ NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId: id }] })
    await waitForState(api, instanceId, 'running')
    await terminate(instanceId)
    expect((await describeOne(id)).Ipv6Addresses).toEqual([{ Ipv6Address: first, IsPrimaryIpv6: false }])
    await remove(id)
    const bare = await create()
    const wanted = { NetworkInterfaceId: bare, EnablePrimaryIpv6: true }
    expect(await codeOf('ModifyNetworkInterfaceAttribute', wanted)).toBe('InvalidParameterCombination')
    const given = await create({ EnablePrimaryIpv6: true })
    expect((await describeOne(given)).Ipv6Addresses).toMatchObject([{ IsPrimaryIpv6: true }])
    await remove(bare, given)
  })

  test('gets one unasked where its subnet says so, and none when none is asked for', async () => {
    await setAssignOnCreation(true)
    const ids = [await create(), await create({ Ipv6AddressCount: 0 }), await create({ Ipv6AddressCount: 2 })]
    const counts = await Promise.all(ids.map(async (id) => (await addressesOf(id))?.length))
    expect(counts).toEqual([1, 0, 2])
    await setAssignOnCreation(false)
    await remove(...ids)
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
    const id = await create()
    const assign = { NetworkInterfaceId: id, ...rest, ...(listed ? { Ipv6Addresses: listed } : {}) }
    expect(await codeOf('AssignIpv6Addresses', assign)).toBe(code)
    await remove(id)
  })

  test('has none without a block of its subnet, and is asked what is wanted', async () => {
    const plain = { SubnetId: plainSubnetId, Ipv6AddressCount: 1 }
    expect(await codeOf('CreateNetworkInterface', plain)).toBe('InvalidParameterValue')
    const id = await create()
    for (const operation of ['AssignIpv6Addresses', 'UnassignIpv6Addresses']) {
      expect(await codeOf(operation, { NetworkInterfaceId: id })).toBe('MissingParameter')
    }
    const primary = { SubnetId: subnetId, EnablePrimaryIpv6: true, Ipv6AddressCount: 0 }
    expect(await codeOf('CreateNetworkInterface', primary)).toBe('InvalidParameterCombination')
    await remove(id)
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

describe('an instance', () => {
  test('is launched with IPv6 addresses, found by them, and keeps them while it is stopped', async () => {
    const options = { HttpProtocolIpv6: 'enabled', HttpTokens: 'required' }
    const [id = ''] = await launch({ SubnetId: subnetId, Ipv6AddressCount: 2, MetadataOptions: options })
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
    await terminate(id)
    const gone = await api.lab.call('DescribeNetworkInterfaces', {
      Filters: [{ Name: 'ipv6-addresses.ipv6-address', Values: addresses.map(String) }],
    })
    expect(gone.NetworkInterfaces).toEqual([])
  })

  test('gets one where its subnet says so, each of several its own', async () => {
    await setAssignOnCreation(true)
    const ids = await launch({ SubnetId: subnetId, MaxCount: 2 })
    const [first, second] = await Promise.all(ids.map(async (id) => (await describeInstance(api, id)).Ipv6Address))
    expect(first?.startsWith(prefix)).toBe(true)
    expect(second?.startsWith(prefix)).toBe(true)
    expect(first).not.toBe(second)
    const [without = ''] = await launch({ SubnetId: subnetId, Ipv6AddressCount: 0 })
    expect((await describeInstance(api, without)).Ipv6Address).toBeUndefined()
    await setAssignOnCreation(false)
    await terminate(...ids, without)
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
    await terminate(listed?.InstanceId ?? '', counted?.InstanceId ?? '')
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
    expect(await codeOf('RunInstances', launchOf({ ...place, ...rest, ...listed }))).toBe(code)
  })

  test('takes an interface only as far as its type allows', async () => {
    const many = await create({ Ipv6AddressCount: 5 })
    const given = { NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId: many }] }
    expect(await codeOf('RunInstances', launchOf(given))).toBe('PrivateIpAddressLimitExceeded')
    const [id = ''] = await launch({ SubnetId: subnetId })
    await waitForState(api, id, 'running')
    const attach = { InstanceId: id, NetworkInterfaceId: many, DeviceIndex: 1 }
    expect(await codeOf('AttachNetworkInterface', attach)).toBe('PrivateIpAddressLimitExceeded')
    const primary = (await describeInstance(api, id)).NetworkInterfaces?.[0]?.NetworkInterfaceId ?? ''
    const assign = (Ipv6AddressCount: number) => ({ NetworkInterfaceId: primary, Ipv6AddressCount })
    expect(await codeOf('AssignIpv6Addresses', assign(3))).toBe('PrivateIpAddressLimitExceeded')
    await api.lab.call('AssignIpv6Addresses', assign(2))
    expect((await describeInstance(api, id)).NetworkInterfaces?.[0]?.Ipv6Addresses).toHaveLength(2)
    await terminate(id)
    await remove(many)
  })
})
