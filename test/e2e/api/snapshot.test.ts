import { chmod, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as sdk from '@aws-sdk/client-ec2'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../lab.ts'
import { type ApiLab, openApiLab } from './api-lab.ts'
import { changeRecords, codeOf, openOtherAccount } from './other-account.ts'

const otherId = '210987654321'

let api: ApiLab
let other: sdk.EC2Client
/** A snapshot that no image maps. */
let snapshotId: string

beforeAll(async () => {
  api = await openApiLab('quotas:\n  fastSnapshotRestores: 1\nencryption:\n  keys: [alias/payroll]\n')
  other = openOtherAccount(api, otherId)
  const copy = { Name: 'copy', SourceImageId: api.imageId, SourceRegion: 'us-east-1' }
  const { ImageId: imageId = '' } = await api.lab.call('CopyImage', copy)
  const { Images: images } = await api.lab.call('DescribeImages', { ImageIds: [imageId] })
  snapshotId = images?.[0]?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? ''
  await api.lab.call('DeregisterImage', { ImageId: imageId })
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

async function seenByOther(input: sdk.DescribeSnapshotsRequest = {}): Promise<(string | undefined)[]> {
  const { Snapshots: snapshots } = await other.send(new sdk.DescribeSnapshotsCommand(input))
  return (snapshots ?? []).map(({ SnapshotId: id }) => id)
}

const modify = (more: object) => api.lab.call('ModifySnapshotAttribute', { SnapshotId: snapshotId, ...more })
const reset = () =>
  api.lab.call('ResetSnapshotAttribute', { SnapshotId: snapshotId, Attribute: 'createVolumePermission' })

test('another account makes volumes of a shared snapshot, and sees it no more when it is private again', async () => {
  expect(await seenByOther()).toEqual([])
  await modify({ Attribute: 'createVolumePermission', OperationType: 'add', UserIds: [otherId] })
  expect(
    await api.lab.call('DescribeSnapshotAttribute', { SnapshotId: snapshotId, Attribute: 'createVolumePermission' }),
  ).toEqual({ SnapshotId: snapshotId, CreateVolumePermissions: [{ UserId: otherId }] })
  expect(await seenByOther({ RestorableByUserIds: ['self'] })).toEqual([snapshotId])
  expect(await seenByOther({ OwnerIds: ['self'] })).toEqual([])
  expect(await codeOf(other.send(new sdk.DeleteSnapshotCommand({ SnapshotId: snapshotId })))).toBe('AuthFailure')
  const create = new sdk.CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', SnapshotId: snapshotId })
  const { VolumeId: volumeId } = await other.send(create)
  expect(volumeId).toMatch(/^vol-/)
  const BlockDeviceMappings = [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: snapshotId } }]
  const image = { Name: 'of another', RootDeviceName: '/dev/xvda', BlockDeviceMappings }
  expect(await codeOf(other.send(new sdk.RegisterImageCommand(image)))).toBe('AuthFailure')
  await reset()
  expect(await seenByOther()).toEqual([])
  expect(await codeOf(other.send(create))).toBe('InvalidSnapshot.NotFound')
  expect(await codeOf(modify({ CreateVolumePermission: { Add: [{ UserId: 'me' }] } }))).toBe('InvalidParameterValue')
})

test('blocking all sharing hides what is public, blocking new sharing keeps it', async () => {
  const state = async () => (await api.lab.call('GetSnapshotBlockPublicAccessState', {})).State
  const publish = () => modify({ CreateVolumePermission: { Add: [{ Group: 'all' }] } })
  expect(await state()).toBe('unblocked')
  await publish()
  expect(await seenByOther({ RestorableByUserIds: ['all'] })).toEqual([snapshotId])
  await api.lab.call('EnableSnapshotBlockPublicAccess', { State: 'block-new-sharing' })
  expect(await seenByOther()).toEqual([snapshotId])
  expect(await codeOf(publish())).toBe('OperationNotPermitted')
  await api.lab.call('EnableSnapshotBlockPublicAccess', { State: 'block-all-sharing' })
  expect(await seenByOther()).toEqual([])
  expect(await api.lab.call('DisableSnapshotBlockPublicAccess', {})).toEqual({ State: 'unblocked' })
  expect(await seenByOther()).toEqual([snapshotId])
  await reset()
})

test('a lock keeps a snapshot until it is unlocked or has expired; in compliance mode it only grows', async () => {
  const lock = (more: object) =>
    api.lab.call('LockSnapshot', { SnapshotId: snapshotId, ...more } as sdk.LockSnapshotRequest)
  const unlock = () => api.lab.call('UnlockSnapshot', { SnapshotId: snapshotId })
  const remove = (DryRun: boolean) => codeOf(api.lab.call('DeleteSnapshot', { SnapshotId: snapshotId, DryRun }))

  expect(await lock({ LockMode: 'governance', LockDuration: 2 })).toMatchObject({
    LockState: 'governance',
    LockDuration: 2,
  })
  expect(await remove(true)).toBe('SnapshotLocked')
  await unlock()
  expect(await remove(true)).toBe('DryRunOperation')

  expect(await codeOf(lock({ LockMode: 'governance' }))).toBe('MissingParameter')
  expect(await codeOf(lock({ LockMode: 'governance', LockDuration: 1, CoolOffPeriod: 1 }))).toBe(
    'InvalidParameterCombination',
  )
  const cooling = await lock({ LockMode: 'compliance', LockDuration: 3, CoolOffPeriod: 1 })
  expect(cooling).toMatchObject({ LockState: 'compliance-cooloff', CoolOffPeriod: 1 })
  await unlock()
  await lock({ LockMode: 'compliance', LockDuration: 3 })
  expect(await codeOf(unlock())).toBe('OperationNotPermitted')
  expect(await codeOf(lock({ LockMode: 'governance', LockDuration: 9 }))).toBe('OperationNotPermitted')
  expect(await codeOf(lock({ LockMode: 'compliance', LockDuration: 1 }))).toBe('OperationNotPermitted')
  expect(await lock({ LockMode: 'compliance', LockDuration: 4 })).toMatchObject({ LockDuration: 4 })
  const Filters = [{ Name: 'lock-state', Values: ['compliance'] }]
  const { Snapshots: locked } = await api.lab.call('DescribeLockedSnapshots', { Filters })
  expect(locked).toMatchObject([{ SnapshotId: snapshotId, LockState: 'compliance', LockDuration: 4 }])

  changeRecords(api, ({ snapshots }) => {
    const snapshot = snapshots.find(snapshotId)
    if (!snapshot?.lock) return
    snapshots.replace({ ...snapshot, lock: { ...snapshot.lock, expiresOn: '2020-01-01T00:00:00.000Z' } })
  })
  expect((await api.lab.call('DescribeLockedSnapshots', {})).Snapshots).toMatchObject([{ LockState: 'expired' }])
  expect(await remove(true)).toBe('DryRunOperation')
})

test('fast restores are recorded by snapshot and zone until they are disabled', async () => {
  const selection = { SourceSnapshotIds: [snapshotId], AvailabilityZones: ['us-east-1a', 'us-east-1b'] }
  const { Successful: enabled } = await api.lab.call('EnableFastSnapshotRestores', selection)
  expect(enabled).toMatchObject([{ State: 'enabling' }, { State: 'enabling' }])
  await api.lab.call('DisableFastSnapshotRestores', { ...selection, AvailabilityZones: ['us-east-1a'] })
  const { FastSnapshotRestores: told } = await api.lab.call('DescribeFastSnapshotRestores', {})
  expect(told).toMatchObject([{ SnapshotId: snapshotId, AvailabilityZone: 'us-east-1b', State: 'enabled' }])
  const enable = (more: object) => codeOf(api.lab.call('EnableFastSnapshotRestores', { ...selection, ...more }))
  expect(await enable({ SourceSnapshotIds: [api.snapshotId] })).toBe('ResourceLimitExceeded')
  expect(await enable({ SourceSnapshotIds: Array.from({ length: 11 }, () => snapshotId) })).toBe('InvalidRequest')
  const { Unsuccessful: refused } = await api.lab.call('DisableFastSnapshotRestores', selection)
  expect(refused).toMatchObject([
    { SnapshotId: snapshotId, FastSnapshotRestoreStateErrors: [{ AvailabilityZone: 'us-east-1a' }] },
  ])
  const unknown = { ...selection, AvailabilityZones: ['eu-west-1a'] }
  expect(await enable(unknown)).toBe('InvalidParameterValue')
})

test('a layer that has rotted is found and named, and nothing is made of it until its file is back', async () => {
  const { lab, imageId } = api
  const { Layers: layers, Snapshots: snapshots } = await lab.call('KilnDescribeDisks', {})
  const layerId = snapshots.find(({ SnapshotId: id }) => id === snapshotId)?.LayerId ?? ''
  expect(layers).toMatchObject([{ LayerId: layerId, Depth: 1, IsFlattening: false }])
  const path = join(lab.home, 'layers', layerId, 'disk.qcow2')
  const whole = await readFile(path)
  expect((await lab.kiln('disk', 'check')).exitCode).toBe(0)
  await chmod(path, 0o600)
  const rotten = Buffer.from(whole)
  rotten[rotten.length - 1] = (rotten.at(-1) ?? 0) ^ 1
  await writeFile(path, rotten)
  const check = await lab.kiln('disk', 'check', snapshotId)
  expect(check).toMatchObject({ exitCode: 1 })
  for (const named of [layerId, snapshotId, imageId]) expect(check.stdout).toContain(named)

  const { Snapshots: told } = await lab.call('DescribeSnapshots', { SnapshotIds: [snapshotId] })
  expect(told).toMatchObject([{ State: 'error', StateMessage: expect.stringContaining(layerId) as string }])
  const zone = { AvailabilityZone: 'us-east-1a' }
  const copy = { SourceRegion: 'us-east-1', SourceImageId: imageId, Name: 'rotten' }
  const uses = () => [
    lab.call('CreateVolume', { ...zone, SnapshotId: snapshotId, DryRun: true }),
    lab.call('CopySnapshot', { SourceRegion: 'us-east-1', SourceSnapshotId: snapshotId, DryRun: true }),
    lab.call('CopyImage', { ...copy, DryRun: true }),
    lab.call('RunInstances', { ImageId: imageId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1, DryRun: true }),
  ]
  for (const refusal of await Promise.allSettled(uses())) {
    expect(String(refusal.status === 'rejected' && refusal.reason)).toMatch(
      new RegExp(`IncorrectState.*${layerId}, whose file is damaged`),
    )
  }
  await truncate(path, 1000)
  expect((await lab.kiln('disk', 'check', layerId)).stdout).toContain('damaged')

  await writeFile(path, whole)
  expect(await lab.kiln('disk', 'check', imageId)).toMatchObject({ exitCode: 0, stdout: '' })
  for (const use of uses()) expect(await codeOf(use)).toBe('DryRunOperation')
})

test('the default key of EBS and encryption by default are the account’s own choice in each region', async () => {
  expect(await api.lab.call('GetEbsDefaultKmsKeyId', {})).toEqual({ KmsKeyId: 'alias/aws/ebs' })
  const { KmsKeyId: told = '' } = await api.lab.call('ModifyEbsDefaultKmsKeyId', { KmsKeyId: 'alias/payroll' })
  expect(told).toMatch(/^arn:aws:kms:us-east-1:\d{12}:key\/[0-9a-f-]{36}$/)
  // By its ARN as well.
  await api.lab.call('ModifyEbsDefaultKmsKeyId', { KmsKeyId: told })
  expect(await api.lab.call('GetEbsDefaultKmsKeyId', {})).toEqual({ KmsKeyId: told })
  expect((await other.send(new sdk.GetEbsDefaultKmsKeyIdCommand({}))).KmsKeyId).toBe('alias/aws/ebs')
  expect(await codeOf(api.lab.call('ModifyEbsDefaultKmsKeyId', { KmsKeyId: 'no key' }))).toBe('InvalidParameterValue')
  expect(await api.lab.call('GetEbsEncryptionByDefault', {})).toMatchObject({ EbsEncryptionByDefault: false })
  await api.lab.call('EnableEbsEncryptionByDefault', {})
  const volume = { AvailabilityZone: 'us-east-1a', Size: 1 }
  const made = await api.lab.call('CreateVolume', volume)
  expect(made).toMatchObject({ Encrypted: true, KmsKeyId: told })
  await api.lab.call('DisableEbsEncryptionByDefault', {})
  expect(await api.lab.call('ResetEbsDefaultKmsKeyId', {})).toEqual({ KmsKeyId: 'alias/aws/ebs' })
  const plain = await api.lab.call('CreateVolume', volume)
  expect(plain.Encrypted).toBe(false)
  for (const { VolumeId: id = '' } of [made, plain]) {
    const describe = async () =>
      (await api.lab.call('DescribeVolumes', {})).Volumes?.find((found) => found.VolumeId === id)
    await until(async () => (await describe())?.State === 'available')
    await api.lab.call('DeleteVolume', { VolumeId: id })
    await until(async () => (await describe()) === undefined)
  }
})

test('an archived snapshot is one compressed file that must be restored before it is used', async () => {
  const { lab } = api
  const zone = { AvailabilityZone: 'us-east-1a', Size: 1 }
  const { VolumeId: volumeId = '' } = await lab.call('CreateVolume', { ...zone, SnapshotId: snapshotId })
  await until(async () => {
    const { Volumes: volumes } = await lab.call('DescribeVolumes', { VolumeIds: [volumeId] })
    return volumes?.[0]?.State === 'available'
  })
  const id = (await lab.kiln('snapshot', 'create', volumeId)).stdout
  const layerOf = async () => {
    const { Snapshots: snapshots } = await lab.call('KilnDescribeDisks', {})
    return snapshots.find(({ SnapshotId }) => SnapshotId === id)?.LayerId ?? ''
  }
  const statusOf = async () => {
    const Filters = [{ Name: 'snapshot-id', Values: [id] }]
    return (await lab.call('DescribeSnapshotTierStatus', { Filters })).SnapshotTierStatuses?.[0]
  }
  const waitFor = async (status: string) =>
    await until(async () => (await statusOf())?.LastTieringOperationStatus === status)
  const use = () => codeOf(lab.call('CreateVolume', { ...zone, SnapshotId: id, DryRun: true }))
  await until(
    async () => (await lab.call('DescribeSnapshots', { SnapshotIds: [id] })).Snapshots?.[0]?.State === 'completed',
  )
  const pathOf = (layerId: string) => join(lab.home, 'layers', layerId, 'disk.qcow2')
  const disks = await lab.call('KilnDescribeDisks', {})
  const base = disks.Snapshots.find(({ SnapshotId }) => SnapshotId === snapshotId)?.LayerId ?? ''
  // The volume was never written to.
  const expectContent = async () =>
    await execa('qemu-img', ['compare', '-f', 'qcow2', '-F', 'qcow2', pathOf(base), pathOf(await layerOf())])
  const standard = await layerOf()
  expect(await statusOf()).toMatchObject({ StorageTier: 'standard', Status: 'completed' })

  const archive = (SnapshotId: string) => lab.call('ModifySnapshotTier', { SnapshotId, StorageTier: 'archive' })
  expect(await codeOf(archive(api.snapshotId))).toBe('InvalidSnapshot.InUse')
  await archive(id)
  await waitFor('archival-completed')
  expect(await statusOf()).toMatchObject({ StorageTier: 'archive', LastTieringProgress: 100 })
  expect(await use()).toBe('IncorrectState')
  const fast = { SourceSnapshotIds: [id], AvailabilityZones: ['us-east-1a'] }
  expect(await lab.call('EnableFastSnapshotRestores', fast)).toMatchObject({
    Successful: [],
    Unsuccessful: [{ SnapshotId: id, FastSnapshotRestoreStateErrors: [{ Error: { Code: 'InvalidState' } }] }],
  })
  expect(await codeOf(archive(id))).toBe('IncorrectState')
  const info = await execa('qemu-img', ['info', '--output=json', pathOf(await layerOf())])
  expect(JSON.parse(info.stdout)).toMatchObject({ 'format-specific': { data: { 'compression-type': 'zstd' } } })
  expect(info.stdout).not.toContain('backing')
  const { Snapshots: archived } = await lab.call('DescribeSnapshots', {
    Filters: [{ Name: 'storage-tier', Values: ['archive'] }],
  })
  expect(archived).toMatchObject([{ SnapshotId: id, StorageTier: 'archive' }])

  const restore = (more: object) => lab.call('RestoreSnapshotTier', { SnapshotId: id, ...more })
  expect(await codeOf(restore({}))).toBe('MissingParameter')
  expect(await codeOf(restore({ TemporaryRestoreDays: 3, PermanentRestore: true }))).toBe('InvalidParameterCombination')
  expect(await restore({ TemporaryRestoreDays: 3 })).toMatchObject({ RestoreDuration: 3, IsPermanentRestore: false })
  await waitFor('temporary-restore-completed')
  expect((await statusOf())?.RestoreExpiryTime).toBeDefined()
  expect(await use()).toBe('DryRunOperation')
  await expectContent()
  const restored = await layerOf()
  // Its time is over.
  await lab.killDaemon()
  changeRecords(api, ({ snapshots }) => {
    const snapshot = snapshots.find(id)
    if (!snapshot?.tiering) return
    snapshots.replace({ ...snapshot, tiering: { ...snapshot.tiering, restoreExpiryTime: '2020-01-01T00:00:00.000Z' } })
  })
  await lab.startDaemon()
  await until(async () => (await statusOf())?.StorageTier === 'archive')
  expect(await use()).toBe('IncorrectState')

  // Killed in the middle of the restore, the daemon begins it again.
  await restore({ PermanentRestore: true })
  await lab.killDaemon()
  await lab.startDaemon()
  await waitFor('permanent-restore-completed')
  await expectContent()
  await lab.call('DeleteVolume', { VolumeId: volumeId })
  await until(async () => (await readdir(join(lab.home, 'layers'))).length === 2)
  expect((await readdir(join(lab.home, 'layers'))).sort()).toEqual([base, await layerOf()].sort())
  expect([standard, restored]).not.toContain(await layerOf())
  await lab.call('DeleteSnapshot', { SnapshotId: id })
  await until(async () => (await readdir(join(lab.home, 'layers'))).length === 1)
})
