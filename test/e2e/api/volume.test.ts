import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { OperationInput, OperationName } from '../../../src/api/contract.ts'
import { drivePortCount } from '../../../src/ec2/ports/machine-spec.ts'
import { leakCluster } from '../../integration/disk/leaks.ts'
import { until } from '../lab.ts'
import { type ApiLab, describeInstance, launchOne, openApiLab, refusalOfSocket, waitForState } from './api-lab.ts'

let api: ApiLab
/** Its machine runs and nobody is in it: it gives nothing up by itself. */
let running: string
let stopped: string
let zone: string

beforeAll(async () => {
  api = await openApiLab('quotas:\n  volumes: 16\nencryption:\n  keys: [alias/payroll]\n')
  ;[running, stopped] = await Promise.all([launchOne(api), launchOne(api)])
  await Promise.all([waitForState(api, running, 'running'), waitForState(api, stopped, 'running')])
  await api.lab.call('StopInstances', { InstanceIds: [stopped], Force: true })
  await waitForState(api, stopped, 'stopped')
  zone = (await describeInstance(api, running)).Placement?.AvailabilityZone ?? ''
})
afterAll(async () => {
  // Nobody in them hears the power button: closing the lab would wait for each.
  await api.lab.call('TerminateInstances', { InstanceIds: [running, stopped] })
  await Promise.all([waitForState(api, running, 'terminated'), waitForState(api, stopped, 'terminated')])
  expect(await api.lab.close()).toEqual([])
})

async function describeVolume(id: string) {
  const { Volumes: volumes } = await api.lab.call('DescribeVolumes', { VolumeIds: [id] })
  return volumes?.[0]
}
const waitForVolume = async (id: string, state: string) =>
  await until(async () => (await describeVolume(id))?.State === state)
const waitForAttachment = async (id: string, state: string) =>
  await until(async () => (await describeVolume(id))?.Attachments?.[0]?.State === state)
const waitForSnapshot = async (id: string) =>
  await until(async () => {
    const { Snapshots: found } = await api.lab.call('DescribeSnapshots', { SnapshotIds: [id] })
    return found?.[0]?.State === 'completed'
  })
const waitForImage = async (id: string) =>
  await until(async () => {
    const { Images: found } = await api.lab.call('DescribeImages', { ImageIds: [id] })
    return found?.[0]?.State === 'available'
  })
async function makeVolume(more: Partial<OperationInput<'CreateVolume'>> = {}): Promise<string> {
  const { VolumeId: id = '' } = await api.lab.call('CreateVolume', { AvailabilityZone: zone, Size: 1, ...more })
  await waitForVolume(id, 'available')
  return id
}
async function remove(...volumeIds: string[]): Promise<void> {
  for (const id of volumeIds) {
    await api.lab.call('DeleteVolume', { VolumeId: id })
    await until(async () => (await refusalOfSocket(api, 'DescribeVolumes', { VolumeIds: [id] })) !== undefined)
  }
}
async function expectRefusal(name: OperationName, input: object, code: string, text = ''): Promise<void> {
  expect(await refusalOfSocket(api, name, input)).toEqual({ code, message: expect.stringContaining(text) })
}
const rootOf = async (id: string) => (await describeInstance(api, id)).BlockDeviceMappings?.[0]?.Ebs?.VolumeId ?? ''

describe('a volume', () => {
  test('is made as it was asked for and told so, with its tags, and goes without a trace', async () => {
    const id = await makeVolume({
      VolumeType: 'gp3',
      Iops: 3000,
      Throughput: 125,
      SnapshotId: api.snapshotId,
      TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'Name', Value: 'data' }] }],
    })
    expect(await describeVolume(id)).toMatchObject({
      Size: 1,
      SnapshotId: api.snapshotId,
      AvailabilityZone: zone,
      AvailabilityZoneId: 'use1-az1',
      VolumeType: 'gp3',
      Iops: 3000,
      Throughput: 125,
      Encrypted: false,
      MultiAttachEnabled: false,
      Attachments: [],
      Tags: [{ Key: 'Name', Value: 'data' }],
    })
    const path = join(api.lab.home, 'volumes', id, 'disk.qcow2')
    const { stdout } = await execa('qemu-img', ['info', '--output=json', path])
    expect(JSON.parse(stdout)).toMatchObject({ 'virtual-size': 1024 ** 3 })
    await remove(id)
    expect(await readdir(join(api.lab.home, 'volumes'))).not.toContain(id)
    const { Tags: tags } = await api.lab.call('DescribeTags', { Filters: [{ Name: 'resource-id', Values: [id] }] })
    expect(tags).toEqual([])
  })

  test('is refused where EC2 refuses it', async () => {
    const zoned = { AvailabilityZone: zone, Size: 1 }
    await expectRefusal('CreateVolume', { Size: 1 }, 'MissingParameter', 'AvailabilityZone')
    await expectRefusal('CreateVolume', { AvailabilityZone: zone }, 'MissingParameter', 'size/snapshot')
    await expectRefusal('CreateVolume', { AvailabilityZone: 'us-east-1z', Size: 1 }, 'InvalidZone.NotFound')
    await expectRefusal('CreateVolume', { ...zoned, VolumeType: 'io2', Size: 4 }, 'MissingParameter', 'iops')
    await expectRefusal('CreateVolume', { ...zoned, VolumeType: 'io9' }, 'InvalidParameterValue', 'io9')
    await expectRefusal('CreateVolume', { ...zoned, Size: 20_000 }, 'InvalidParameterValue', '16384')
    await expectRefusal('CreateVolume', { ...zoned, Iops: 3000 }, 'InvalidParameterCombination', 'iops')
    await expectRefusal('CreateVolume', { ...zoned, VolumeType: 'gp3', Iops: 9000 }, 'InvalidParameterValue', 'ratio')
    const unknownKey = { ...zoned, Encrypted: true, KmsKeyId: 'alias/absent' }
    await expectRefusal('CreateVolume', unknownKey, 'InvalidParameterValue', 'alias/absent')
    await expectRefusal(
      'CreateVolume',
      { ...zoned, KmsKeyId: 'alias/aws/ebs' },
      'InvalidParameterDependency',
      'KmsKeyId',
    )
    await expectRefusal('CreateVolume', { ...zoned, MultiAttachEnabled: true }, 'UnsupportedOperation', 'MultiAttach')
    const absent = 'snap-0123456789abcdef0'
    await expectRefusal('CreateVolume', { ...zoned, SnapshotId: absent }, 'InvalidSnapshot.NotFound', absent)
  })

  test('is not made beyond the quota', async () => {
    const { Volumes: present = [] } = await api.lab.call('DescribeVolumes', {})
    const made = await Promise.all(Array.from({ length: 16 - present.length }, () => makeVolume()))
    await expectRefusal('CreateVolume', { AvailabilityZone: zone, Size: 1 }, 'VolumeLimitExceeded')
    await remove(...made)
  })

  test('grows and changes its type, and tells of the change', async () => {
    const id = await makeVolume()
    await expectRefusal('DescribeVolumesModifications', { VolumeIds: [id] }, 'InvalidVolumeModification.NotFound', id)
    await expectRefusal('ModifyVolume', { VolumeId: id }, 'MissingParameter')
    const asked = await api.lab.call('ModifyVolume', { VolumeId: id, Size: 3, VolumeType: 'gp3' })
    expect(asked.VolumeModification).toMatchObject({ ModificationState: 'modifying', OriginalSize: 1, TargetSize: 3 })
    const waitUntilModified = async () =>
      await until(async () => {
        const { VolumesModifications: all } = await api.lab.call('DescribeVolumesModifications', { VolumeIds: [id] })
        return all?.[0]?.ModificationState === 'completed'
      })
    await waitUntilModified()
    expect(await describeVolume(id)).toMatchObject({ Size: 3, VolumeType: 'gp3', Iops: 3000, Throughput: 125 })
    await expectRefusal(
      'ModifyVolume',
      { VolumeId: id, Size: 4, VolumeType: 'io1', Iops: 201 },
      'InvalidParameterValue',
      'ratio',
    )
    const faster = await api.lab.call('ModifyVolume', { VolumeId: id, Size: 4, VolumeType: 'io2', Iops: 4000 })
    expect(faster.VolumeModification).toMatchObject({
      OriginalThroughput: 125,
      TargetVolumeType: 'io2',
      TargetIops: 4000,
    })
    await waitUntilModified()
    const described = await describeVolume(id)
    expect(described).toMatchObject({ Size: 4, VolumeType: 'io2', Iops: 4000 })
    expect(described?.Throughput).toBeUndefined()
    await expectRefusal('ModifyVolume', { VolumeId: id, Size: 2 }, 'InvalidParameterValue', 'smaller')
    const cold = { VolumeId: await rootOf(running), VolumeType: 'sc1', Size: 125 }
    await expectRefusal('ModifyVolume', cold, 'InvalidParameterValue', 'boot volumes')
    await remove(id)
  })

  test('tells its status and its attributes', async () => {
    const id = await makeVolume()
    const { VolumeStatuses: statuses } = await api.lab.call('DescribeVolumeStatus', { VolumeIds: [id] })
    expect(statuses?.map(({ VolumeStatus: status }) => status?.Status)).toEqual(['ok'])
    const attribute = { VolumeId: id, Attribute: 'autoEnableIO' } as const
    expect((await api.lab.call('DescribeVolumeAttribute', attribute)).AutoEnableIO).toEqual({ Value: false })
    await api.lab.call('ModifyVolumeAttribute', { VolumeId: id, AutoEnableIO: { Value: true } })
    expect((await api.lab.call('DescribeVolumeAttribute', attribute)).AutoEnableIO).toEqual({ Value: true })
    await remove(id)
  })
})

describe('an attachment', () => {
  test('is refused where EC2 refuses it', async () => {
    const id = await makeVolume()
    const elsewhere = await makeVolume({ AvailabilityZone: 'us-east-1c' })
    const good = { VolumeId: id, InstanceId: running, Device: '/dev/sdf' }
    await expectRefusal('AttachVolume', { ...good, Device: 'nonsense' }, 'InvalidParameterValue', 'nonsense')
    await expectRefusal('AttachVolume', { ...good, Device: '/dev/xvda' }, 'InvalidParameterValue', 'already in use')
    await expectRefusal('AttachVolume', { ...good, VolumeId: elsewhere }, 'InvalidVolume.ZoneMismatch', elsewhere)
    await expectRefusal('AttachVolume', { ...good, VolumeId: await rootOf(running) }, 'VolumeInUse')
    await expectRefusal('DetachVolume', { VolumeId: id }, 'IncorrectState', 'available')
    await expectRefusal('DetachVolume', { VolumeId: await rootOf(running) }, 'OperationNotPermitted', 'root volume')
    await api.lab.call('AttachVolume', { ...good, InstanceId: stopped })
    await expectRefusal('AttachVolume', good, 'VolumeInUse', id)
    await expectRefusal('DeleteVolume', { VolumeId: id }, 'VolumeInUse', stopped)
    await expectRefusal('DetachVolume', { VolumeId: id, InstanceId: running }, 'InvalidAttachment.NotFound')
    await api.lab.call('DetachVolume', { VolumeId: id })
    await waitForVolume(id, 'available')
    await remove(id, elsewhere)
  })

  test('to a stopped instance is there at its next start, and stays when the instance goes', async () => {
    const instance = await launchOne(api)
    await waitForState(api, instance, 'running')
    await api.lab.call('StopInstances', { InstanceIds: [instance], Force: true })
    await waitForState(api, instance, 'stopped')
    const id = await makeVolume()
    await api.lab.call('AttachVolume', { VolumeId: id, InstanceId: instance, Device: '/dev/sdf' })
    expect((await describeVolume(id))?.Attachments).toMatchObject([{ State: 'attached', DeleteOnTermination: false }])
    await api.lab.call('StartInstances', { InstanceIds: [instance] })
    await waitForState(api, instance, 'running')
    const { BlockDeviceMappings: devices = [] } = await describeInstance(api, instance)
    expect(devices.map(({ DeviceName }) => DeviceName)).toEqual(['/dev/xvda', '/dev/sdf'])
    await api.lab.call('StopInstances', { InstanceIds: [instance], Force: true })
    await waitForState(api, instance, 'stopped')
    await api.lab.call('TerminateInstances', { InstanceIds: [instance] })
    await waitForState(api, instance, 'terminated')
    await waitForVolume(id, 'available')
    await remove(id)
  })

  test('is refused when every place of the machine is taken', async () => {
    const ids = await Promise.all(Array.from({ length: drivePortCount }, () => makeVolume()))
    const attach = (id: string, index: number) =>
      api.lab.call('AttachVolume', { VolumeId: id, InstanceId: stopped, Device: `/dev/sd${'fghijklmnopq'[index]}` })
    // The root volume has one.
    for (const [index, id] of ids.slice(1).entries()) await attach(id, index)
    const beyond = { VolumeId: ids[0], InstanceId: stopped, Device: '/dev/sdz' }
    await expectRefusal('AttachVolume', beyond, 'AttachmentLimitExceeded', `${drivePortCount} volumes`)
    for (const id of ids.slice(1)) {
      await api.lab.call('DetachVolume', { VolumeId: id })
      await waitForVolume(id, 'available')
    }
    await remove(...ids)
  })

  test('that the guest does not give up is ended by force, and its place is not used again', async () => {
    const [first, second] = [await makeVolume(), await makeVolume()]
    await api.lab.call('AttachVolume', { VolumeId: first, InstanceId: running, Device: '/dev/sdf' })
    await waitForAttachment(first, 'attached')
    expect((await api.lab.call('DetachVolume', { VolumeId: first })).State).toBe('detaching')
    await api.lab.call('DetachVolume', { VolumeId: first, Force: true })
    await waitForVolume(first, 'available')
    await api.lab.call('AttachVolume', { VolumeId: second, InstanceId: running, Device: '/dev/sdf' })
    await waitForAttachment(second, 'attached')
    await api.lab.call('DetachVolume', { VolumeId: second, Force: true })
    await waitForVolume(second, 'available')
    await remove(first, second)
  })

  test('of the root device can be ended while the instance is stopped, which then cannot start', async () => {
    const root = await rootOf(stopped)
    await api.lab.call('DetachVolume', { VolumeId: root })
    await waitForVolume(root, 'available')
    await expectRefusal('StartInstances', { InstanceIds: [stopped] }, 'InvalidParameterValue', 'root (/dev/xvda)')
    await api.lab.call('AttachVolume', { VolumeId: root, InstanceId: stopped, Device: '/dev/xvda' })
    await api.lab.call('StartInstances', { InstanceIds: [stopped] })
    await waitForState(api, stopped, 'running')
    await api.lab.call('StopInstances', { InstanceIds: [stopped], Force: true })
    await waitForState(api, stopped, 'stopped')
  })
})

describe('a snapshot', () => {
  test('is taken of idle volumes, of stopped and of running instances, and outlives them', async () => {
    const idle = await makeVolume()
    const sources = [idle, await rootOf(stopped), await rootOf(running)]
    const taken = await Promise.all(
      sources.map(async (id) => await api.lab.call('CreateSnapshot', { VolumeId: id, Description: `of ${id}` })),
    )
    expect(taken.map(({ State, Progress }) => [State, Progress])).toEqual(sources.map(() => ['pending', '0%']))
    for (const { SnapshotId: id = '' } of taken) await waitForSnapshot(id)
    await remove(idle)
    const [ofIdle, ...others] = taken.map(({ SnapshotId: id = '' }) => id)
    const copy = await makeVolume({ SnapshotId: ofIdle ?? '' })
    await remove(copy)
    for (const id of [ofIdle, ...others]) await api.lab.call('DeleteSnapshot', { SnapshotId: id ?? '' })
  })

  test('is copied to another region, and the copy outlives it', async () => {
    const source = await makeVolume()
    const { SnapshotId: snapshotId = '' } = await api.lab.call('CreateSnapshot', { VolumeId: source })
    await waitForSnapshot(snapshotId)
    await expectRefusal(
      'CopySnapshot',
      { SourceRegion: 'eu-west-1', SourceSnapshotId: snapshotId },
      'InvalidSnapshot.NotFound',
    )
    const asked = { SourceRegion: 'us-east-1', SourceSnapshotId: snapshotId, Description: 'copy' }
    const { SnapshotId: copy = '' } = await api.lab.call('CopySnapshot', asked)
    await api.lab.call('DeleteSnapshot', { SnapshotId: snapshotId })
    const { Snapshots: found } = await api.lab.call('DescribeSnapshots', { SnapshotIds: [copy] })
    expect(found).toMatchObject([{ State: 'completed', Description: 'copy', VolumeId: 'vol-ffffffff', VolumeSize: 1 }])
    const { SnapshotId: encrypted = '' } = await api.lab.call('CopySnapshot', {
      SourceRegion: 'us-east-1',
      SourceSnapshotId: copy,
      Encrypted: true,
      KmsKeyId: 'alias/payroll',
    })
    await waitForSnapshot(encrypted)
    const { Snapshots: told } = await api.lab.call('DescribeSnapshots', {
      SnapshotIds: [copy, encrypted],
      Filters: [{ Name: 'encrypted', Values: ['true'] }],
    })
    expect(told?.map(({ SnapshotId: id }) => id)).toEqual([encrypted])
    const plain = { AvailabilityZone: zone, SnapshotId: encrypted, Encrypted: false }
    await expectRefusal('CreateVolume', plain, 'InvalidParameterValue', encrypted)
    const share = { SnapshotId: encrypted, OperationType: 'add', GroupNames: ['all'] } as const
    await expectRefusal('ModifySnapshotAttribute', share, 'OperationNotPermitted')
    const ofEncrypted = await makeVolume({ SnapshotId: encrypted })
    expect(await describeVolume(ofEncrypted)).toMatchObject({ Encrypted: true, KmsKeyId: told?.[0]?.KmsKeyId })
    expect(await readdir(join(api.lab.home, 'keyring'))).toHaveLength(2)
    await remove(ofEncrypted)
    await api.lab.call('DeleteSnapshot', { SnapshotId: encrypted })
    await until(async () => (await readdir(join(api.lab.home, 'keyring'))).length === 0)
    const restored = await makeVolume({ SnapshotId: copy })
    await api.lab.call('DeleteSnapshot', { SnapshotId: copy })
    await remove(source, restored)
  })

  test('of all volumes of an instance leaves out what it is told to, and takes the tags of the volumes', async () => {
    const data = await makeVolume({ TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'a', Value: 'b' }] }] })
    await api.lab.call('AttachVolume', { VolumeId: data, InstanceId: running, Device: '/dev/sdh' })
    await waitForAttachment(data, 'attached')
    const all = await api.lab.call('CreateSnapshots', { InstanceSpecification: { InstanceId: running } })
    expect(all.Snapshots?.map(({ VolumeId }) => VolumeId)).toEqual([await rootOf(running), data])
    const some = await api.lab.call('CreateSnapshots', {
      InstanceSpecification: { InstanceId: running, ExcludeBootVolume: true },
      CopyTagsFromSource: 'volume',
    })
    expect(some.Snapshots).toMatchObject([{ VolumeId: data, Tags: [{ Key: 'a', Value: 'b' }] }])
    const root = await rootOf(running)
    await expectRefusal(
      'CreateSnapshots',
      { InstanceSpecification: { InstanceId: running, ExcludeDataVolumeIds: [root] } },
      'InvalidParameterValue',
      root,
    )
    for (const { SnapshotId: id = '' } of [...(all.Snapshots ?? []), ...(some.Snapshots ?? [])]) {
      await waitForSnapshot(id)
      await api.lab.call('DeleteSnapshot', { SnapshotId: id })
    }
    await api.lab.call('DetachVolume', { VolumeId: data, Force: true })
    await waitForVolume(data, 'available')
    await remove(data)
  })
})

describe('an image of an instance', () => {
  test('has its volumes as the mappings change them, and is made once under its name', async () => {
    const data = await makeVolume()
    await api.lab.call('AttachVolume', { VolumeId: data, InstanceId: stopped, Device: '/dev/sdf' })
    const { ImageId: imageId = '' } = await api.lab.call('CreateImage', {
      InstanceId: stopped,
      Name: 'made',
      Description: 'of a stopped one',
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 2, VolumeType: 'gp2' } },
        { DeviceName: '/dev/sdf', NoDevice: '' },
        { DeviceName: '/dev/sdg', Ebs: { SnapshotId: api.snapshotId } },
      ],
      TagSpecifications: [
        { ResourceType: 'image', Tags: [{ Key: 'kind', Value: 'image' }] },
        { ResourceType: 'snapshot', Tags: [{ Key: 'kind', Value: 'snapshot' }] },
      ],
    })
    await expectRefusal('CreateImage', { InstanceId: stopped, Name: 'made' }, 'InvalidAMIName.Duplicate')
    await waitForImage(imageId)
    const { Images: images = [] } = await api.lab.call('DescribeImages', { ImageIds: [imageId] })
    expect(images[0]).toMatchObject({
      Name: 'made',
      Description: 'of a stopped one',
      RootDeviceName: '/dev/xvda',
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 2, VolumeType: 'gp2' } },
        { DeviceName: '/dev/sdg', Ebs: { SnapshotId: api.snapshotId } },
      ],
      Tags: [{ Key: 'kind', Value: 'image' }],
    })
    const snapshotId = images[0]?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? ''
    const { Snapshots: snapshots } = await api.lab.call('DescribeSnapshots', { SnapshotIds: [snapshotId] })
    expect(snapshots?.[0]).toMatchObject({
      Description: `Created by CreateImage(${stopped}) for ${imageId}`,
      Tags: [{ Key: 'kind', Value: 'snapshot' }],
    })
    await expectRefusal('DeleteSnapshot', { SnapshotId: snapshotId }, 'InvalidSnapshot.InUse', imageId)
    await api.lab.call('DeregisterImage', { ImageId: imageId })
    await api.lab.call('DeleteSnapshot', { SnapshotId: snapshotId })
    await api.lab.call('DetachVolume', { VolumeId: data })
    await waitForVolume(data, 'available')
    await remove(data)
  })

  test('is there at once when all of its snapshots are', async () => {
    const root = await rootOf(stopped)
    await api.lab.call('DetachVolume', { VolumeId: root })
    await waitForVolume(root, 'available')
    const { ImageId: imageId = '' } = await api.lab.call('CreateImage', {
      InstanceId: stopped,
      Name: 'of a snapshot',
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: api.snapshotId } }],
    })
    await waitForImage(imageId)
    await api.lab.call('DeregisterImage', { ImageId: imageId })
    await api.lab.call('AttachVolume', { VolumeId: root, InstanceId: stopped, Device: '/dev/xvda' })
  })

  test('is refused where EC2 refuses it', async () => {
    await expectRefusal('CreateImage', { InstanceId: stopped, Name: 'a*b' }, 'InvalidAMIName.Malformed')
    const good = { InstanceId: stopped, Name: 'refused' }
    const noRoot = [{ DeviceName: '/dev/xvda', NoDevice: '' }]
    await expectRefusal('CreateImage', { ...good, BlockDeviceMappings: noRoot }, 'InvalidParameterValue', 'root device')
    const smaller = [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 0 } }]
    await expectRefusal('CreateImage', { ...good, BlockDeviceMappings: smaller }, 'InvalidBlockDeviceMapping')
    await expectRefusal('CreateImage', { ...good, Description: 'x'.repeat(256) }, 'InvalidParameterValue', '255')
  })
})

test('the room that a killed machine has lost is given back when it is started again', async () => {
  const root = await rootOf(stopped)
  const directory = join(api.lab.home, 'volumes', root)
  const [file = ''] = (await readdir(directory)).filter((name) => name !== 'volume.yaml')
  const path = join(directory, file)
  const check = async () => (await execa('qemu-img', ['check', '-q', '-f', 'qcow2', path], { reject: false })).exitCode
  await leakCluster(path)
  expect(await check()).toBe(3)
  await api.lab.call('StartInstances', { InstanceIds: [stopped] })
  await waitForState(api, stopped, 'running')
  await api.lab.call('StopInstances', { InstanceIds: [stopped], Force: true })
  await waitForState(api, stopped, 'stopped')
  expect(await check()).toBe(0)
})
