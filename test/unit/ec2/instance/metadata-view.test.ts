import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createSessionVault } from '../../../../src/ec2/access/session-vault.ts'
import type { InstanceRecord } from '../../../../src/ec2/instance/instance.ts'
import { createActiveKeys } from '../../../../src/ec2/instance-connect/active-keys.ts'
import { findMetadataAsker } from '../../../../src/ec2/instance/metadata-view.ts'
import type { InterfaceRecord } from '../../../../src/ec2/network-interface/network-interface.ts'
import type { InstanceMetadata } from '../../../../src/ec2/ports/metadata.ts'
import type { Store } from '../../../../src/ec2/ports/store.ts'
import { systemClock } from '../../../../src/host/clock.ts'
import { openStore } from '../../../../src/store/store.ts'

const scope = { accountId: '123456789012', region: 'us-east-1' }
const id = 'i-0123456789abcdef0'

let directory: string
let store: Store
let now: Date

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-view-'))
  store = openStore(join(directory, 'kiln.db'))
  now = new Date('2026-03-02T10:20:00Z')
  change(() => {
    store.vpcs.insert({
      ...scope,
      id: 'vpc-1',
      cidr: '172.31.0.0/16',
      secondaryCidrs: [{ cidr: '10.1.0.0/16' }],
    } as never)
    store.subnets.insert({ ...scope, id: 'subnet-1', vpcId: 'vpc-1', cidr: '172.31.0.0/20' } as never)
    store.instances.insert({
      ...scope,
      ...{ id, vpcId: 'vpc-1', subnetId: 'subnet-1', imageId: 'ami-3', instanceType: 't3.nano', state: 'running' },
      ...{ availabilityZone: 'us-east-1a', privateIp: '172.31.0.5', rootDeviceName: '/dev/xvda', launchIndex: 0 },
      ...{ launchTime: '2026-03-02T10:05:00.000Z', architecture: 'x86_64', isMonitored: true, reservationId: 'r-1' },
      iamInstanceProfile: { name: 'web', arn: 'arn', id: 'AIPA' },
      metadataOptions: {
        ...{ httpEndpoint: 'enabled', httpTokens: 'optional', httpPutResponseHopLimit: 1 },
        instanceMetadataTags: 'enabled',
      },
    } as unknown as InstanceRecord)
    putInterface('eni-1', '172.31.0.5', 0)
  })
})
afterEach(async () => {
  store.close()
  await rm(directory, { recursive: true, force: true })
})

function change(work: () => void): void {
  store.transaction(work)
}

function putInterface(interfaceId: string, privateIp: string, deviceIndex: number, more: object = {}): void {
  store.interfaces.insert({
    ...scope,
    ...{
      id: interfaceId,
      vpcId: 'vpc-1',
      subnetId: 'subnet-1',
      privateIp,
      groupIds: [],
      macAddress: `02:${privateIp}`,
    },
    attachment: { instanceId: id, deviceIndex },
    ...more,
  } as unknown as InterfaceRecord)
}

function present<T>(record: T | undefined): T {
  if (record === undefined) throw new Error('not recorded')
  return record
}

function find(sourceIp: string, vpcId = 'vpc-1') {
  return findMetadataAsker(
    {
      store,
      regions: { get: () => undefined } as never,
      instanceTypes: { get: () => ({ hypervisor: 'nitro' }) } as never,
      sessions: createSessionVault(Buffer.alloc(32, 1)),
      activeKeys: createActiveKeys(systemClock),
      clock: { ...systemClock, now: () => now },
    },
    vpcId,
    sourceIp,
  )
}

function describe(): InstanceMetadata {
  const asker = find('172.31.0.5')
  if (!asker) throw new Error('nobody asks')
  return asker.describe()
}

test('whoever asks is known by each address of its interfaces, in its VPC alone', () => {
  change(() => putInterface('eni-2', '172.31.0.7', 1, { secondaryIps: [{ privateIp: '172.31.0.8' }] }))
  for (const address of ['172.31.0.5', '172.31.0.7', '172.31.0.8']) expect(find(address)?.instanceId).toBe(id)
  expect(find('172.31.0.9')).toBeUndefined()
  expect(find('172.31.0.5', 'vpc-2')).toBeUndefined()
})

test('who asks by an IPv6 address is known where the endpoint of version 6 is enabled, and told of its addresses', () => {
  const own = { ipv6Addresses: ['fd12:3456:789a:1::5', 'fd12:3456:789a:1::6'] }
  change(() => {
    putInterface('eni-2', '172.31.0.7', 1, own)
    store.vpcs.replace({ ...present(store.vpcs.find('vpc-1')), ipv6Cidrs: [{ id: 'a', cidr: 'fd12:3456:789a::/56' }] })
    const subnet = present(store.subnets.find('subnet-1'))
    store.subnets.replace({ ...subnet, ipv6: { id: 'b', cidr: 'fd12:3456:789a:1::/64' } })
  })
  expect(find('fd12:3456:789a:1::6')).toBeUndefined()
  const instance = present(store.instances.find(id))
  const metadataOptions = { ...instance.metadataOptions, httpProtocolIpv6: 'enabled' as const }
  change(() => store.instances.replace({ ...instance, metadataOptions }))
  expect(find('FD12:3456:789A:1:0:0:0:6')?.instanceId).toBe(id)
  expect(find('fd12:3456:789a:1::6', 'vpc-2')).toBeUndefined()
  expect(describe().ipv6).toBeUndefined()
  expect(describe().interfaces.map(({ ipv6s }) => ipv6s)).toEqual([undefined, own.ipv6Addresses])
  expect(describe().interfaces[1]).toMatchObject({
    vpcIpv6Cidrs: ['fd12:3456:789a::/56'],
    subnetIpv6Cidrs: ['fd12:3456:789a:1::/64'],
  })
  const primary = present(store.interfaces.find('eni-1'))
  change(() => store.interfaces.replace({ ...primary, ipv6Addresses: ['fd12:3456:789a:1::7'] }))
  expect(describe().ipv6).toBe('fd12:3456:789a:1::7')
})

test('an interface is there until it is being detached', () => {
  change(() => putInterface('eni-2', '172.31.0.7', 1))
  const listed = () => describe().interfaces.map(({ interfaceId }) => interfaceId)
  expect(listed()).toEqual(['eni-1', 'eni-2'])
  const second = store.interfaces.find('eni-2')
  if (!second?.attachment) throw new Error('no interface')
  const { attachment } = second
  change(() => store.interfaces.replace({ ...second, attachment: { ...attachment, state: 'detaching' } }))
  expect(listed()).toEqual(['eni-1'])
})

test('volumes are numbered in the order in which they were attached', () => {
  const put = (volumeId: string, deviceName: string, attachTime: string) =>
    change(() =>
      store.volumes.insert({ ...scope, id: volumeId, attachment: { instanceId: id, deviceName, attachTime } } as never),
    )
  put('vol-1', '/dev/xvda', '2026-03-02T10:00:00Z')
  put('vol-2', '/dev/sdg', '2026-03-02T10:02:00Z')
  put('vol-3', '/dev/sdf', '2026-03-02T10:01:00Z')
  const root = { ami: '/dev/xvda', root: '/dev/xvda' }
  expect(describe().blockDeviceMapping).toEqual({ ...root, ebs1: '/dev/sdf', ebs2: '/dev/sdg' })
  change(() => store.volumes.remove('vol-3'))
  expect(describe().blockDeviceMapping).toEqual({ ...root, ebs1: '/dev/sdg' })
})

test('the ancestors of an image, the nearest first', () => {
  expect(describe().ancestorImageIds).toEqual([])
  const put = (imageId: string, source: object) =>
    change(() => store.images.insert({ ...scope, id: imageId, state: 'available', ...source } as never))
  put('ami-3', { sourceImageId: 'ami-2' })
  put('ami-2', { sourceImageId: 'ami-1' })
  put('ami-1', {})
  expect(describe().ancestorImageIds).toEqual(['ami-2', 'ami-1'])
})

test('credentials are the same ones for an hour, and new ones long before they end', () => {
  const read = () => describe().role?.credentials()
  const first = read()
  expect(first?.expiresAt).toEqual(new Date('2026-03-02T16:00:00Z'))
  expect(describe().role?.updatedAt).toEqual(new Date('2026-03-02T10:05:00Z'))
  now = new Date('2026-03-02T10:59:59Z')
  expect(read()).toEqual(first)
  now = new Date('2026-03-02T11:00:00Z')
  expect(read()?.accessKeyId).not.toBe(first?.accessKeyId)
  expect(describe().role?.updatedAt).toEqual(now)
  expect(describe().identity?.credentials().accessKeyId).not.toBe(read()?.accessKeyId)
})

test('what follows the records at once', () => {
  expect(describe()).toMatchObject({ isMonitored: true, options: { areTagsEnabled: true }, tags: {} })
  expect(describe().interfaces[0]).toMatchObject({
    vpcCidrs: ['172.31.0.0/16', '10.1.0.0/16'],
    subnetCidr: '172.31.0.0/20',
    networkCard: 0,
    publicIps: [],
  })
  const instance = store.instances.find(id)
  if (!instance) throw new Error('no instance')
  const { iamInstanceProfile: _profile, ...rest } = instance
  change(() => {
    store.instances.replace({ ...rest, metadataOptions: { ...rest.metadataOptions, httpEndpoint: 'disabled' } })
    store.tags.put(scope, id, 'instance', [{ key: 'Name', value: 'web' }])
  })
  expect(describe()).toMatchObject({ options: { isEnabled: false }, tags: { Name: 'web' } })
  expect(describe().role).toBeUndefined()
})
