import { readdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import * as sdk from '@aws-sdk/client-ec2'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { until } from '../../lab.ts'
import { packTwoDisks } from '../../two-disks.ts'
import { codeOf } from '../other-account.ts'
import { openTransferLab, type TransferLab } from './transfer-lab.ts'

let api: TransferLab

beforeAll(async () => {
  api = await openTransferLab()
})
afterAll(() => api.close())

test('what an import may read depends on who asks', async () => {
  const { lab, client, other, directory } = api
  const file = (path: string) => ({ DiskContainer: { Format: 'RAW', Url: `file://${path}` } })
  const hidden = file(join(lab.home, 'empty.raw'))
  const open = file(join(directory, 'open/disk.raw'))
  const { ImportTaskId: id } = await lab.call('ImportSnapshot', hidden)
  expect(await api.ends.ofSnapshotImport(id)).toMatchObject({ Status: 'completed', DiskImageSize: 1024 * 1024 })
  const { ImportTaskId: openId } = await client.send(new sdk.ImportSnapshotCommand(open))
  expect(await api.ends.ofSnapshotImport(openId)).toMatchObject({ Status: 'completed', Url: open.DiskContainer.Url })

  // The tasks themselves are their account's alone, ended or not.
  const ids = { ImportTaskIds: [openId ?? ''] }
  const { ImportSnapshotTasks: ofOthers } = await other.send(new sdk.DescribeImportSnapshotTasksCommand({}))
  expect(ofOthers ?? []).toEqual([])
  const strange = await codeOf(other.send(new sdk.DescribeImportSnapshotTasksCommand(ids)))
  const invented = { ImportTaskIds: ['import-snap-0123456789abcdef0'] }
  expect(strange).toBe(await codeOf(other.send(new sdk.DescribeImportSnapshotTasksCommand(invented))))
  expect(strange).toBe('InvalidConversionTaskId')

  const refused = (one: sdk.EC2Client, input: sdk.ImportSnapshotRequest) =>
    codeOf(one.send(new sdk.ImportSnapshotCommand({ ...input, DryRun: true })))
  expect(await refused(other, open)).toBe('DryRunOperation')
  expect(await refused(client, hidden)).toBe('UnauthorizedOperation')
  expect(await refused(client, file(`${directory}/open/../backups`))).toBe('UnauthorizedOperation')
  expect(await refused(client, file(`${directory}/open/%2e%2e/secret`))).toBe('UnauthorizedOperation')
  const url = (Url: string) => ({ DiskContainer: { Url } })
  expect(await refused(other, url('http://127.0.0.1:1/disk.raw'))).toBe('UnauthorizedOperation')
  expect(await refused(client, url('http://127.0.0.1:1/disk.raw'))).toBe('DryRunOperation')
  expect(await refused(client, url('ftp://example.org/disk.raw'))).toBe('InvalidParameterValue')
  const UserBucket = { S3Bucket: 'backups', S3Key: '../secret' }
  expect(await refused(client, { DiskContainer: { UserBucket } })).toBe('InvalidKey')
  expect(await refused(client, url('s3://nowhere/disk.raw'))).toBe('NoSuchBucket')
  expect(await refused(other, url('s3://archive/disk.raw'))).toBe('NoSuchBucket')
  expect(await refused(client, { DiskContainer: { Format: 'OVA', Url: 's3://backups/a.ova' } })).toBe(
    'InvalidParameterValue',
  )

  await symlink(join(lab.home, 'empty.raw'), join(directory, 'open/link.raw'))
  const { ImportTaskId: linkId } = await client.send(
    new sdk.ImportSnapshotCommand(file(join(directory, 'open/link.raw'))),
  )
  expect(await api.ends.ofSnapshotImport(linkId)).toMatchObject({
    Status: 'deleted',
    StatusMessage: expect.stringContaining('a link that leads out of'),
  })
})

test('what comes in is encrypted where it is asked for, or the account encrypts by default', async () => {
  const { lab, directory } = api
  const snapshotOf = async (id: string | undefined) =>
    (await lab.call('DescribeSnapshots', { SnapshotIds: [id ?? ''] })).Snapshots?.[0]
  /** What it reads as with its key is what has come in. */
  const expectEncrypted = async (id: string | undefined) => {
    const { KmsKeyId: key, Encrypted: isEncrypted } = (await snapshotOf(id)) ?? {}
    expect([isEncrypted, key]).toEqual([true, expect.stringMatching(/^arn:aws:kms:us-east-1:/)])
    const { Snapshots: snapshots } = await lab.call('KilnDescribeDisks', {})
    const layerId = snapshots.find(({ SnapshotId }) => SnapshotId === id)?.LayerId ?? ''
    const description = parse(await readFile(join(lab.home, 'layers', layerId, 'layer.yaml'), 'utf8')) as {
      layer: { encryptionKeyId: string }
    }
    const { encryptionKeyId: keyId } = description.layer
    const disk = `driver=qcow2,encrypt.format=luks,encrypt.key-secret=k,file.filename=${join(lab.home, 'layers', layerId, 'disk.qcow2')}`
    await execa('qemu-img', [
      ...['compare', '--object', `secret,id=k,file=${join(lab.home, 'keyring', keyId)}`, '--image-opts', disk],
      `driver=raw,file.filename=${join(directory, 'open/disk.raw')}`,
    ])
  }
  const DiskContainer = { Url: `file://${join(directory, 'open/disk.raw')}` }
  const { ImportTaskId: asked, SnapshotTaskDetail: begun } = await lab.call('ImportSnapshot', {
    DiskContainer,
    Encrypted: true,
    KmsKeyId: 'alias/payroll',
  })
  expect(begun).toMatchObject({ Encrypted: true, KmsKeyId: expect.stringMatching(/^arn:/) as string })
  await expectEncrypted((await api.ends.ofSnapshotImport(asked)).SnapshotId)
  expect(await codeOf(lab.call('ImportSnapshot', { DiskContainer, KmsKeyId: 'alias/payroll' }))).toBe(
    'InvalidParameterDependency',
  )

  await lab.call('EnableEbsEncryptionByDefault', {})
  const { ImportTaskId: byDefault, Encrypted } = await lab.call('ImportImage', { DiskContainers: [DiskContainer] })
  expect(Encrypted).toBe(true)
  const task = await api.ends.ofImport(byDefault)
  expect(task).toMatchObject({ Status: 'completed', Encrypted: true })
  await expectEncrypted((await api.describe(task.ImageId)).BlockDeviceMappings?.[0]?.Ebs?.SnapshotId)
  const DiskContainers = [{ SnapshotId: api.snapshotId }]
  expect(await codeOf(lab.call('ImportImage', { DiskContainers }))).toBe('InvalidParameterCombination')
  const imported = await lab.kiln('image', 'import', join(directory, 'open/disk.raw'), '--name', 'by default')
  await expectEncrypted((await api.describe(imported.stdout)).BlockDeviceMappings?.[0]?.Ebs?.SnapshotId)
  await lab.call('DisableEbsEncryptionByDefault', {})
})

test('a hostile disk ends its import with the reason, and leaves nothing', async () => {
  const { lab } = api
  const before = await api.layers()
  await api.putHostileFiles()
  const attempt = async (container: sdk.ImageDiskContainer, message: string) => {
    const { ImportTaskId: id } = await lab.call('ImportImage', { DiskContainers: [container] })
    expect(await api.ends.ofImport(id)).toMatchObject({
      Status: 'deleted',
      StatusMessage: expect.stringContaining(message),
    })
  }
  await attempt(
    { Url: 's3://backups/hostile.qcow2' },
    'ClientError: The disk image cannot be imported: it has a backing file',
  )
  await attempt({ Url: 's3://backups/text' }, 'it is neither qcow2')
  await attempt({ Format: 'VMDK', Url: 's3://backups/open/disk.raw' }, 'it is raw, not vmdk as was said')
  await attempt({ Url: 's3://backups/nothing' }, 'has no object nothing')
  expect(await api.layers()).toEqual(before)
  expect(await readdir(join(lab.home, 'staging'))).toEqual([])
  const { ImportImageTasks: failed } = await lab.call('DescribeImportImageTasks', {
    Filters: [{ Name: 'task-state', Values: ['deleted'] }],
  })
  expect(failed).toHaveLength(4)
})

test('an OVA with several disks becomes an image with as many devices, the root first', async () => {
  const { lab, directory } = api
  const root = await readFile(join(directory, 'open/disk.raw'))
  const data = await packTwoDisks(directory, 'two', join(directory, 'open/disk.raw'), 'the second disk')
  const before = await api.layers()
  const { ImportTaskId: id } = await lab.call('ImportImage', {
    DiskContainers: [
      { Format: 'OVA', Url: 's3://backups/two.ova', Description: 'a machine' },
      { Format: 'RAW', UserBucket: { S3Bucket: 'backups', S3Key: 'open/disk.raw' } },
    ],
  })
  const task = await api.ends.ofImport(id)
  expect(task.SnapshotDetails).toMatchObject([
    { DeviceName: '/dev/sda1', DiskImageSize: root.length, Format: 'OVA', Status: 'completed' },
    { DeviceName: '/dev/sdf', DiskImageSize: data.length, Description: 'a machine' },
    { DeviceName: '/dev/sdg', DiskImageSize: root.length, Format: 'RAW' },
  ])
  const { BlockDeviceMappings: devices = [], RootDeviceName } = await api.describe(task.ImageId)
  expect([RootDeviceName, ...devices.map(({ DeviceName: name }) => name)]).toEqual([
    '/dev/sda1',
    '/dev/sda1',
    '/dev/sdf',
    '/dev/sdg',
  ])
  expect(devices.map(({ Ebs: disk }) => disk?.SnapshotId)).toEqual(
    task.SnapshotDetails?.map(({ SnapshotId: snapshotId }) => snapshotId),
  )
  expect((await api.contentOf(devices[0]?.Ebs?.SnapshotId)).equals(root)).toBe(true)
  expect((await api.contentOf(devices[1]?.Ebs?.SnapshotId)).equals(data)).toBe(true)

  const imported = await lab.kiln('image', 'import', join(directory, 'two.ova'), '--name', 'two disks')
  expect(imported.exitCode).toBe(0)
  const image = await api.describe(imported.stdout)
  expect(image.BlockDeviceMappings).toMatchObject([{ DeviceName: '/dev/xvda' }, { DeviceName: '/dev/sdf' }])
  expect((await api.contentOf(image.BlockDeviceMappings?.[1]?.Ebs?.SnapshotId)).equals(data)).toBe(true)

  for (const imageId of [imported.stdout, task.ImageId ?? '']) {
    await lab.call('DeregisterImage', { ImageId: imageId, DeleteAssociatedSnapshots: true })
  }
  await until(async () => (await api.layers()).length === before.length)
  const single = await lab.kiln('snapshot', 'import', join(directory, 'two.ova'))
  expect(single).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('import it as an image') })
})
