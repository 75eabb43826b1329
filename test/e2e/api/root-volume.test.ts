import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { OperationInput, OperationName } from '../../../src/api/contract.ts'
import { until } from '../lab.ts'
import { type ApiLab, describeInstance, launchOne, openApiLab, refusalOfSocket, waitForState } from './api-lab.ts'

let api: ApiLab
/** Its machine runs and nobody is in it: it is ended for a new root volume once the time for a reboot is over. */
let server: string
let zone: string

beforeAll(async () => {
  api = await openApiLab('machines:\n  rebootTimeoutSeconds: 1\nquotas:\n  volumes: 12\n')
  server = await launchOne(api)
  await waitForState(api, server, 'running')
  zone = (await describeInstance(api, server)).Placement?.AvailabilityZone ?? ''
})
afterAll(async () => {
  await api.lab.call('TerminateInstances', { InstanceIds: [server] })
  await waitForState(api, server, 'terminated')
  expect(await api.lab.close()).toEqual([])
})

async function describeVolume(id: string) {
  const { Volumes: volumes } = await api.lab.call('DescribeVolumes', {
    Filters: [{ Name: 'volume-id', Values: [id] }],
  })
  return volumes?.[0]
}
async function rootOf(id: string): Promise<string> {
  const { BlockDeviceMappings: devices = [] } = await describeInstance(api, id)
  return devices.find(({ DeviceName: name }) => name === '/dev/xvda')?.Ebs?.VolumeId ?? ''
}
async function describeTask(id: string) {
  const { ReplaceRootVolumeTasks: tasks } = await api.lab.call('DescribeReplaceRootVolumeTasks', {
    ReplaceRootVolumeTaskIds: [id],
  })
  return tasks?.[0]
}
async function begin(request: Partial<OperationInput<'CreateReplaceRootVolumeTask'>> = {}): Promise<string> {
  const { ReplaceRootVolumeTask: task } = await api.lab.call('CreateReplaceRootVolumeTask', {
    InstanceId: server,
    ...request,
  })
  return task?.ReplaceRootVolumeTaskId ?? ''
}
const waitForTask = async (id: string, state: string) =>
  await until(async () => (await describeTask(id))?.TaskState === state)
async function replace(request: Partial<OperationInput<'CreateReplaceRootVolumeTask'>> = {}): Promise<void> {
  await waitForTask(await begin(request), 'succeeded')
}
async function takeSnapshot(volumeId: string): Promise<string> {
  const { SnapshotId: id = '' } = await api.lab.call('CreateSnapshot', { VolumeId: volumeId })
  await waitForSnapshot(id)
  return id
}
const waitForSnapshot = async (id: string) =>
  await until(async () => {
    const { Snapshots: found } = await api.lab.call('DescribeSnapshots', { SnapshotIds: [id] })
    return found?.[0]?.State === 'completed'
  })
const waitForNoVolume = async (id: string) => await until(async () => (await describeVolume(id)) === undefined)
async function remove(volumeId: string): Promise<void> {
  await api.lab.call('DeleteVolume', { VolumeId: volumeId })
  await waitForNoVolume(volumeId)
}
async function expectRefusal(name: OperationName, input: object, code: string, text = ''): Promise<void> {
  const refusal = await refusalOfSocket(api, name, input)
  expect(refusal?.code).toBe(code)
  expect(refusal?.message).toContain(text)
}

test('goes back to the launch state in a new machine, and the instance keeps all that is not its root volume', async () => {
  await api.lab.call('ModifyVolume', { VolumeId: await rootOf(server), Size: 2 })
  await until(async () => (await describeVolume(await rootOf(server)))?.Size === 2)
  const before = await describeInstance(api, server)
  const old = await rootOf(server)
  const { QemuPid: pid } = await api.lab.call('KilnDescribeInstance', { InstanceId: server })
  const tags = [{ ResourceType: 'replace-root-volume-task' as const, Tags: [{ Key: 'why', Value: 'broken' }] }]
  const { ReplaceRootVolumeTask: begun } = await api.lab.call('CreateReplaceRootVolumeTask', {
    InstanceId: server,
    TagSpecifications: tags,
  })
  expect(begun).toMatchObject({
    InstanceId: server,
    TaskState: 'pending',
    SnapshotId: api.snapshotId,
    DeleteReplacedRootVolume: false,
    Tags: [{ Key: 'why', Value: 'broken' }],
  })
  expect(begun?.ReplaceRootVolumeTaskId).toMatch(/^replacevol-[0-9a-f]{17}$/)
  expect(begun?.StartTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  const id = begun?.ReplaceRootVolumeTaskId ?? ''
  await waitForTask(id, 'succeeded')
  expect((await describeTask(id))?.CompleteTime).toMatch(/^\d{4}-.*Z$/)
  const { Tags: found } = await api.lab.call('DescribeTags', { Filters: [{ Name: 'resource-id', Values: [id] }] })
  expect(found).toMatchObject([{ ResourceType: 'replace-root-volume-task', Key: 'why', Value: 'broken' }])

  const after = await describeInstance(api, server)
  const { BlockDeviceMappings: _old, ...kept } = before
  expect(after).toMatchObject(kept)
  const root = await rootOf(server)
  expect(root).not.toBe(old)
  expect(await describeVolume(root)).toMatchObject({
    Size: 2,
    VolumeType: 'gp3',
    SnapshotId: api.snapshotId,
    State: 'in-use',
    Attachments: [{ InstanceId: server, Device: '/dev/xvda', State: 'attached', DeleteOnTermination: true }],
  })
  expect(await describeVolume(old)).toMatchObject({ State: 'available', Attachments: [] })
  expect((await api.lab.call('KilnDescribeInstance', { InstanceId: server })).QemuPid).not.toBe(pid)
  await remove(old)
})

test('is told of by id, by instance and in pages', async () => {
  const byInstance = { Filters: [{ Name: 'instance-id', Values: [server] }] }
  const { ReplaceRootVolumeTasks: first = [] } = await api.lab.call('DescribeReplaceRootVolumeTasks', byInstance)
  await replace({ DeleteReplacedRootVolume: true })
  const page = await api.lab.call('DescribeReplaceRootVolumeTasks', { ...byInstance, MaxResults: 1 })
  expect(page.ReplaceRootVolumeTasks).toEqual(first)
  const rest = await api.lab.call('DescribeReplaceRootVolumeTasks', { ...byInstance, NextToken: page.NextToken })
  expect(rest.ReplaceRootVolumeTasks).toHaveLength(1)
  const other = { Filters: [{ Name: 'instance-id', Values: ['i-0123456789abcdef0'] }] }
  expect((await api.lab.call('DescribeReplaceRootVolumeTasks', other)).ReplaceRootVolumeTasks).toEqual([])
  await expectRefusal(
    'DescribeReplaceRootVolumeTasks',
    { ReplaceRootVolumeTaskIds: ['replacevol-0123456789abcdef0'] },
    'InvalidReplaceRootVolumeTaskId.NotFound',
  )
  await expectRefusal('DescribeReplaceRootVolumeTasks', { MaxResults: 51 }, 'InvalidParameterValue', '50')
})

test('takes snapshots of the present and of earlier root volumes, and no others', async () => {
  const first = await rootOf(server)
  const snapshot = await takeSnapshot(first)
  const { SnapshotId: copy = '' } = await api.lab.call('CopySnapshot', {
    SourceRegion: 'us-east-1',
    SourceSnapshotId: snapshot,
  })
  await waitForSnapshot(copy)
  for (const stranger of [copy, api.snapshotId]) {
    await expectRefusal(
      'CreateReplaceRootVolumeTask',
      { InstanceId: server, SnapshotId: stranger },
      'InvalidParameterValue',
      'previous root volume',
    )
  }
  await replace({ SnapshotId: snapshot, DeleteReplacedRootVolume: true })
  await waitForNoVolume(first)
  expect((await describeVolume(await rootOf(server)))?.SnapshotId).toBe(snapshot)
  await replace({ SnapshotId: snapshot, DeleteReplacedRootVolume: true })
  expect((await describeVolume(await rootOf(server)))?.SnapshotId).toBe(snapshot)
  await replace({ DeleteReplacedRootVolume: true })
  expect((await describeVolume(await rootOf(server)))?.SnapshotId).toBe(api.snapshotId)
  await api.lab.call('DeleteSnapshot', { SnapshotId: copy })
  await api.lab.call('DeleteSnapshot', { SnapshotId: snapshot })
})

test('by an image makes the instance one of that image, no smaller than it was', async () => {
  const registered = { RootDeviceName: '/dev/sda1', VirtualizationType: 'hvm' }
  const device = { DeviceName: '/dev/sda1', Ebs: { SnapshotId: api.snapshotId, VolumeSize: 3 } }
  const { ImageId: imageId = '' } = await api.lab.call('RegisterImage', {
    ...registered,
    Name: 'newer',
    Architecture: 'x86_64',
    BlockDeviceMappings: [device],
  })
  const { ImageId: foreign = '' } = await api.lab.call('RegisterImage', {
    ...registered,
    Name: 'foreign',
    Architecture: 'arm64',
    BlockDeviceMappings: [device],
  })
  const request = { InstanceId: server }
  await expectRefusal(
    'CreateReplaceRootVolumeTask',
    { ...request, ImageId: foreign },
    'InvalidParameterValue',
    'architecture',
  )
  await replace({ ImageId: imageId, DeleteReplacedRootVolume: true })
  expect(await describeInstance(api, server)).toMatchObject({ ImageId: imageId, RootDeviceName: '/dev/xvda' })
  expect((await describeVolume(await rootOf(server)))?.Size).toBe(3)
  await replace({ ImageId: api.imageId, DeleteReplacedRootVolume: true })
  expect((await describeInstance(api, server)).ImageId).toBe(api.imageId)
  expect((await describeVolume(await rootOf(server)))?.Size).toBe(3)
  for (const id of [imageId, foreign]) await api.lab.call('DeregisterImage', { ImageId: id })
})

test('is refused where EC2 refuses it', async () => {
  const request = { InstanceId: server }
  const name = 'CreateReplaceRootVolumeTask'
  await expectRefusal(name, { InstanceId: 'i-0123456789abcdef0' }, 'InvalidInstanceID.NotFound')
  await expectRefusal(
    name,
    { ...request, SnapshotId: api.snapshotId, ImageId: api.imageId },
    'InvalidParameterCombination',
  )
  await expectRefusal(name, { ...request, SnapshotId: 'snap-0123456789abcdef0' }, 'InvalidSnapshot.NotFound')
  await expectRefusal(name, { ...request, ImageId: 'ami-0123456789abcdef0' }, 'InvalidAMIID.NotFound')
  await expectRefusal(name, { ...request, VolumeId: await rootOf(server) }, 'UnsupportedOperation', 'VolumeId')
  await expectRefusal(name, { ...request, DryRun: true }, 'DryRunOperation')
  const token = { ClientToken: 'once', DeleteReplacedRootVolume: true }
  const id = await begin(token)
  expect(await begin(token)).toBe(id)
  await expectRefusal(name, request, 'IncorrectState', id)
  const root = await rootOf(server)
  const waiting = (await api.lab.call('DescribeVolumes', {})).Volumes?.find(({ VolumeId }) => VolumeId !== root)
  expect(waiting?.State).toBe('creating')
  await expectRefusal('DeleteVolume', { VolumeId: waiting?.VolumeId }, 'IncorrectState')
  await waitForTask(id, 'succeeded')
  await waitForNoVolume(root)
  const { Volumes: present = [] } = await api.lab.call('DescribeVolumes', {})
  const filling = await Promise.all(
    Array.from({ length: 12 - present.length }, async () => {
      const { VolumeId: made = '' } = await api.lab.call('CreateVolume', { AvailabilityZone: zone, Size: 1 })
      await until(async () => (await describeVolume(made))?.State === 'available')
      return made
    }),
  )
  await expectRefusal(name, request, 'VolumeLimitExceeded')
  await Promise.all(filling.map(remove))
})

test('that cannot be made fails, and the machine goes on with its root volume', async () => {
  const snapshot = await takeSnapshot(await rootOf(server))
  const root = await rootOf(server)
  const { QemuPid: pid } = await api.lab.call('KilnDescribeInstance', { InstanceId: server })
  const volumes = join(api.lab.home, 'volumes')
  await rename(volumes, `${volumes}.away`)
  await writeFile(volumes, 'no directory: nothing can be made in it')
  const id = await begin({ SnapshotId: snapshot })
  await waitForTask(id, 'failed')
  await api.lab.killDaemon()
  await rm(volumes)
  await rename(`${volumes}.away`, volumes)
  await api.lab.startDaemon()
  expect((await describeTask(id))?.CompleteTime).toBeDefined()
  expect(await rootOf(server)).toBe(root)
  expect((await api.lab.call('KilnDescribeInstance', { InstanceId: server })).QemuPid).toBe(pid)
  await until(async () => (await api.lab.call('DescribeVolumes', {})).Volumes?.length === 1)
  await api.lab.call('DeleteSnapshot', { SnapshotId: snapshot })
})

test('is done by the next daemon, whenever the daemon is killed in it', async () => {
  for (const delayMs of [0, 100, 500, 1000, 1100, 1200, 1400]) {
    const old = await rootOf(server)
    const id = await begin()
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    await api.lab.killDaemon()
    await api.lab.startDaemon()
    await waitForTask(id, 'succeeded')
    expect((await describeInstance(api, server)).State?.Name).toBe('running')
    const root = await rootOf(server)
    expect(root).not.toBe(old)
    const { Volumes: volumes = [] } = await api.lab.call('DescribeVolumes', {})
    expect(volumes.map(({ VolumeId, State }) => [VolumeId, State])).toEqual([
      [old, 'available'],
      [root, 'in-use'],
    ])
    await remove(old)
  }
})

test('is done when the instance is stopped meanwhile, and fails when it is terminated', async () => {
  const old = await rootOf(server)
  const id = await begin({ DeleteReplacedRootVolume: true })
  await api.lab.call('StopInstances', { InstanceIds: [server], Force: true })
  await waitForState(api, server, 'stopped')
  expect((await describeTask(id))?.TaskState).toBe('succeeded')
  await waitForNoVolume(old)
  await expectRefusal('CreateReplaceRootVolumeTask', { InstanceId: server }, 'IncorrectInstanceState', 'running')
  await api.lab.call('StartInstances', { InstanceIds: [server] })
  await waitForState(api, server, 'running')
  const last = await begin()
  await api.lab.call('TerminateInstances', { InstanceIds: [server] })
  await waitForState(api, server, 'terminated')
  expect((await describeTask(last))?.TaskState).toBe('failed')
  await until(async () => (await api.lab.call('DescribeVolumes', {})).Volumes?.length === 0)
})
