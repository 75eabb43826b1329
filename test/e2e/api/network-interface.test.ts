import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk, waitForState } from './api-lab.ts'

let api: ApiLab
let subnetId: string
let groupId: string

beforeAll(async () => {
  api = await openApiLab()
  const { Subnets: subnets } = await api.lab.call('DescribeSubnets', {
    Filters: [{ Name: 'availability-zone', Values: ['us-east-1a'] }],
  })
  subnetId = subnets?.[0]?.SubnetId ?? ''
  groupId = (await api.lab.call('CreateSecurityGroup', { GroupName: 'eni', Description: 'd' })).GroupId ?? ''
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const codeOf = async (name: string, input: object) => (await refusalOfSdk(api, name, input))?.code

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

async function remove(...ids: string[]): Promise<void> {
  for (const NetworkInterfaceId of ids) await api.lab.call('DeleteNetworkInterface', { NetworkInterfaceId })
}

async function launch(more: object): Promise<string> {
  const { Instances: launched } = await api.lab.call('RunInstances', {
    ImageId: api.imageId,
    InstanceType: 't3.small',
    MinCount: 1,
    MaxCount: 1,
    ...more,
  })
  const id = launched?.[0]?.InstanceId ?? ''
  await waitForState(api, id, 'running')
  return id
}

async function terminate(id: string): Promise<void> {
  await api.lab.call('TerminateInstances', { InstanceIds: [id] })
  await waitForState(api, id, 'terminated')
}

describe('a network interface', () => {
  test('has the addresses, groups and tags that it was made with, and is found by them', async () => {
    const id = await create({
      Description: 'second leg',
      Groups: [groupId],
      PrivateIpAddresses: [
        { PrivateIpAddress: '172.31.0.40', Primary: true },
        { PrivateIpAddress: '172.31.0.41', Primary: false },
      ],
      TagSpecifications: [{ ResourceType: 'network-interface', Tags: [{ Key: 'Name', Value: 'leg' }] }],
    })
    expect(await describeOne(id)).toMatchObject({
      Description: 'second leg',
      Groups: [{ GroupId: groupId, GroupName: 'eni' }],
      PrivateIpAddress: '172.31.0.40',
      PrivateIpAddresses: [
        { Primary: true, PrivateIpAddress: '172.31.0.40', PrivateDnsName: 'ip-172-31-0-40.ec2.internal' },
        { Primary: false, PrivateIpAddress: '172.31.0.41' },
      ],
      SourceDestCheck: true,
      Status: 'available',
      TagSet: [{ Key: 'Name', Value: 'leg' }],
    })
    for (const [Name, value] of [
      ['addresses.private-ip-address', '172.31.0.41'],
      ['group-id', groupId],
      ['status', 'available'],
      ['tag:Name', 'leg'],
    ] as const) {
      const { NetworkInterfaces: found } = await api.lab.call('DescribeNetworkInterfaces', {
        Filters: [{ Name, Values: [value] }],
      })
      expect(found?.map(({ NetworkInterfaceId }) => NetworkInterfaceId)).toEqual([id])
    }
    expect(await codeOf('CreateNetworkInterface', { SubnetId: subnetId, PrivateIpAddress: '172.31.0.41' })).toBe(
      'InvalidIPAddress.InUse',
    )
    expect(await codeOf('DeleteSecurityGroup', { GroupId: groupId })).toBe('DependencyViolation')
    expect(await codeOf('DeleteSubnet', { SubnetId: subnetId })).toBe('DependencyViolation')
    await remove(id)
    expect(await codeOf('DescribeNetworkInterfaces', { NetworkInterfaceIds: [id] })).toBe(
      'InvalidNetworkInterfaceID.NotFound',
    )
  })

  test('changes one attribute a call, and tells it again', async () => {
    const NetworkInterfaceId = await create()
    const modify = async (change: object) =>
      await api.lab.call('ModifyNetworkInterfaceAttribute', { NetworkInterfaceId, ...change })
    await modify({ Description: { Value: 'changed' } })
    await modify({ Groups: [groupId] })
    await modify({ SourceDestCheck: { Value: false } })
    expect(await describeOne(NetworkInterfaceId)).toMatchObject({
      Description: 'changed',
      Groups: [{ GroupId: groupId }],
      SourceDestCheck: false,
    })
    await api.lab.call('ResetNetworkInterfaceAttribute', { NetworkInterfaceId, SourceDestCheck: 'true' })
    expect(
      await api.lab.call('DescribeNetworkInterfaceAttribute', { NetworkInterfaceId, Attribute: 'sourceDestCheck' }),
    ).toEqual({ NetworkInterfaceId, SourceDestCheck: { Value: true } })
    expect(
      await codeOf('ModifyNetworkInterfaceAttribute', {
        NetworkInterfaceId,
        Description: { Value: 'x' },
        SourceDestCheck: { Value: true },
      }),
    ).toBe('InvalidParameterCombination')
    await remove(NetworkInterfaceId)
  })

  test('gets secondary addresses, which may move to another, and elastic ones for each', async () => {
    const [first, second] = [await create(), await create()]
    const { AssignedPrivateIpAddresses: assigned } = await api.lab.call('AssignPrivateIpAddresses', {
      NetworkInterfaceId: first,
      SecondaryPrivateIpAddressCount: 2,
    })
    const addresses = assigned?.map(({ PrivateIpAddress: address = '' }) => address) ?? []
    expect(addresses).toHaveLength(2)
    const [moving = '', staying = ''] = addresses
    const { AllocationId = '', PublicIp } = await api.lab.call('AllocateAddress', {})
    const association = { AllocationId, NetworkInterfaceId: first, PrivateIpAddress: moving }
    const { AssociationId } = await api.lab.call('AssociateAddress', association)
    expect((await api.lab.call('AssociateAddress', association)).AssociationId).toBe(AssociationId)
    expect((await describeOne(first)).PrivateIpAddresses?.[1]?.Association).toMatchObject({ AllocationId, PublicIp })
    expect(await codeOf('ReleaseAddress', { AllocationId })).toBe('InvalidIPAddress.InUse')
    expect(
      await codeOf('AssociateAddress', { AllocationId, NetworkInterfaceId: second, AllowReassociation: false }),
    ).toBe('Resource.AlreadyAssociated')
    const take = { NetworkInterfaceId: second, PrivateIpAddresses: [moving] }
    expect(await codeOf('AssignPrivateIpAddresses', take)).toBe('InvalidIPAddress.InUse')
    await api.lab.call('AssignPrivateIpAddresses', { ...take, AllowReassignment: true })
    expect((await describeOne(first)).PrivateIpAddresses?.map(({ PrivateIpAddress }) => PrivateIpAddress)).toEqual([
      expect.any(String) as string,
      staying,
    ])
    // The elastic address moves with the private one that it stands for.
    expect((await describeOne(second)).PrivateIpAddresses?.[1]).toMatchObject({
      PrivateIpAddress: moving,
      Association: { AllocationId, AssociationId, PublicIp },
    })
    const { Addresses: elastic } = await api.lab.call('DescribeAddresses', { AllocationIds: [AllocationId] })
    expect(elastic).toMatchObject([{ AssociationId, NetworkInterfaceId: second, PrivateIpAddress: moving }])
    expect(await codeOf('UnassignPrivateIpAddresses', { ...take, NetworkInterfaceId: first })).toBe(
      'InvalidParameterValue',
    )
    await remove(first, second)
    await api.lab.call('ReleaseAddress', { AllocationId })
  })
})

describe('an instance', () => {
  test('is launched with an interface that was there and one that is made, and gives the former back', async () => {
    const there = await create({ PrivateIpAddress: '172.31.0.50' })
    const interfaces = {
      NetworkInterfaces: [
        { DeviceIndex: 0, NetworkInterfaceId: there },
        { DeviceIndex: 1, SubnetId: subnetId, Groups: [groupId], SecondaryPrivateIpAddressCount: 1 },
      ],
    }
    const id = await launch(interfaces)
    const { Reservations: found } = await api.lab.call('DescribeInstances', { InstanceIds: [id] })
    const instance = found?.[0]?.Instances?.[0]
    expect(instance?.PrivateIpAddress).toBe('172.31.0.50')
    const legs = [...(instance?.NetworkInterfaces ?? [])]
    legs.sort((a, b) => (a.Attachment?.DeviceIndex ?? 0) - (b.Attachment?.DeviceIndex ?? 0))
    expect(legs).toMatchObject([
      { NetworkInterfaceId: there, Attachment: { DeviceIndex: 0, DeleteOnTermination: false, Status: 'attached' } },
      { Groups: [{ GroupId: groupId }], Attachment: { DeviceIndex: 1, DeleteOnTermination: true } },
    ])
    expect(legs[1]?.PrivateIpAddresses).toHaveLength(2)
    expect(await codeOf('DetachNetworkInterface', { AttachmentId: legs[0]?.Attachment?.AttachmentId })).toBe(
      'OperationNotPermitted',
    )
    expect(await codeOf('DeleteNetworkInterface', { NetworkInterfaceId: there })).toBe('InvalidParameterValue')
    const { AllocationId } = await api.lab.call('AllocateAddress', {})
    expect(await codeOf('AssociateAddress', { AllocationId, InstanceId: id })).toBe('InvalidInstanceID')
    await terminate(id)
    expect((await describeOne(there)).Status).toBe('available')
    const { NetworkInterfaces: left } = await api.lab.call('DescribeNetworkInterfaces', {})
    expect(left?.map(({ NetworkInterfaceId }) => NetworkInterfaceId)).toEqual([there])
    await remove(there)
    await api.lab.call('ReleaseAddress', { AllocationId })
  })

  test('has as many interfaces as its type, each at an index of its own, and fills in elastic addresses', async () => {
    const id = await launch({ InstanceType: 't3.micro' })
    const [second, third] = [await create(), await create()]
    const attach = { InstanceId: id, NetworkInterfaceId: second }
    expect(await codeOf('AttachNetworkInterface', { ...attach, DeviceIndex: 0 })).toBe('InvalidParameterValue')
    expect(await codeOf('AttachNetworkInterface', { ...attach, DeviceIndex: 4 })).toBe('InvalidParameterValue')
    const { AllocationId, PublicIp } = await api.lab.call('AllocateAddress', {})
    await api.lab.call('AssociateAddress', { AllocationId, InstanceId: id })
    const publicIpOf = async () => {
      const { Reservations: found } = await api.lab.call('DescribeInstances', { InstanceIds: [id] })
      return found?.[0]?.Instances?.[0]?.PublicIpAddress
    }
    expect(await publicIpOf()).toBe(PublicIp)
    await api.lab.call('DisassociateAddress', { PublicIp })
    expect(await publicIpOf()).toMatch(/^127\./)
    expect(await publicIpOf()).not.toBe(PublicIp)
    await api.lab.call('AttachNetworkInterface', { ...attach, DeviceIndex: 1 })
    expect(await codeOf('AttachNetworkInterface', { InstanceId: id, NetworkInterfaceId: third, DeviceIndex: 2 })).toBe(
      'AttachmentLimitExceeded',
    )
    expect(await codeOf('AttachNetworkInterface', { ...attach, DeviceIndex: 2 })).toBe('InvalidNetworkInterface.InUse')
    // What is lost now is lost, as on EC2: with several interfaces there is no other one.
    await api.lab.call('StopInstances', { InstanceIds: [id], Force: true })
    await waitForState(api, id, 'stopped')
    const startAgain = async () => {
      await api.lab.call('StartInstances', { InstanceIds: [id] })
      await waitForState(api, id, 'running')
      return await publicIpOf()
    }
    expect(await startAgain()).toBeUndefined()
    await api.lab.call('StopInstances', { InstanceIds: [id], Force: true })
    await waitForState(api, id, 'stopped')
    const { Attachment: attachment } = await describeOne(second)
    await api.lab.call('DetachNetworkInterface', { AttachmentId: attachment?.AttachmentId ?? '' })
    expect(await startAgain()).toMatch(/^127\./)
    await terminate(id)
    expect((await describeOne(second)).Status).toBe('available')
    await remove(second, third)
    await api.lab.call('ReleaseAddress', { AllocationId })
  })

  test('is not launched with interfaces that do not fit together', async () => {
    const there = await create()
    const refused = async (...NetworkInterfaces: object[]) =>
      await codeOf('RunInstances', {
        ImageId: api.imageId,
        InstanceType: 't3.micro',
        MinCount: 1,
        MaxCount: 1,
        NetworkInterfaces,
      })
    expect(await refused({ DeviceIndex: 1, NetworkInterfaceId: there })).toBe('InvalidParameterValue')
    expect(await refused({ DeviceIndex: 0 }, { DeviceIndex: 0 })).toBe('InvalidParameterCombination')
    expect(await refused({ DeviceIndex: 0, NetworkInterfaceId: there, SubnetId: subnetId })).toBe(
      'InvalidParameterCombination',
    )
    expect(await refused({ DeviceIndex: 0, AssociatePublicIpAddress: true }, { DeviceIndex: 1 })).toBe(
      'InvalidParameterCombination',
    )
    expect(await refused({ DeviceIndex: 0 }, { DeviceIndex: 1 }, { DeviceIndex: 2 })).toBe('AttachmentLimitExceeded')
    expect(await refused({ DeviceIndex: 0, SecondaryPrivateIpAddressCount: 9 })).toBe('PrivateIpAddressLimitExceeded')
    await remove(there)
  })
})
