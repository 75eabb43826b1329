import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as sdk from '@aws-sdk/client-ec2'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { s3Keys, type S3Server, startS3Server } from '../../object-store/s3-server.ts'
import { until } from '../lab.ts'
import { type ApiLab, openApiLab } from './api-lab.ts'
import { codeOf, openOtherAccount } from './other-account.ts'

const otherId = '210987654321'

let api: ApiLab
let server: S3Server
let other: sdk.EC2Client
/** The bucket `backups` and, in it, the directory `open` that everyone may import from. */
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-bucket-'))
  server = await startS3Server()
  api = await openApiLab(
    stringify({
      images: { importDirectories: [join(directory, 'open')] },
      buckets: {
        backups: { directory, accounts: ['123456789012', otherId] },
        archive: { endpoint: server.endpoint, bucket: 'there' },
      },
      quotas: { activeTransfers: 2 },
      encryption: { keys: ['alias/payroll'] },
    }),
  )
  await writeFile(join(api.lab.home, 'bucket-credentials.yaml'), stringify({ archive: s3Keys }), { mode: 0o600 })
  await execa('mkdir', [join(directory, 'open')])
  await execa('cp', [join(api.lab.home, 'empty.raw'), join(directory, 'open/disk.raw')])
  other = openOtherAccount(api, otherId)
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
  server.close()
  await rm(directory, { recursive: true })
})

/** Waits until a task of an import is over; answers it. */
async function endOfImport(id: string | undefined) {
  for (;;) {
    const { ImportImageTasks: tasks } = await api.lab.call('DescribeImportImageTasks', { ImportTaskIds: [id ?? ''] })
    const task = tasks?.[0]
    if (task?.Status !== 'active' && task?.Status !== 'deleting') return task ?? {}
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function endOfSnapshotImport(id: string | undefined) {
  for (;;) {
    const { ImportSnapshotTasks: tasks } = await api.lab.call('DescribeImportSnapshotTasks', {
      ImportTaskIds: [id ?? ''],
    })
    const detail = tasks?.[0]?.SnapshotTaskDetail
    if (detail?.Status !== 'active' && detail?.Status !== 'deleting') return detail ?? {}
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function endOfExport(id: string | undefined) {
  for (;;) {
    const { ExportImageTasks: tasks } = await api.lab.call('DescribeExportImageTasks', {
      ExportImageTaskIds: [id ?? ''],
    })
    const task = tasks?.[0]
    if (task?.Status !== 'active' && task?.Status !== 'deleting') return task ?? {}
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function endOfStore(imageId: string) {
  for (;;) {
    const { StoreImageTaskResults: tasks } = await api.lab.call('DescribeStoreImageTasks', { ImageIds: [imageId] })
    const task = tasks?.at(-1)
    if (task?.StoreTaskState !== 'InProgress') return task ?? {}
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function describe(imageId: string | undefined) {
  const { Images: images } = await api.lab.call('DescribeImages', { ImageIds: [imageId ?? ''] })
  return images?.[0] ?? {}
}

/** Bytes of a snapshot's disk. */
async function contentOf(snapshotId: string | undefined): Promise<Buffer> {
  const file = join(api.lab.home, 'content.raw')
  expect((await api.lab.kiln('snapshot', 'export', snapshotId ?? '', file, '--force')).exitCode).toBe(0)
  return await readFile(file)
}

const layers = async () => (await readdir(join(api.lab.home, 'layers'))).sort()

test('an image and a snapshot are written as files, which takes the place of nothing unless it is said', async () => {
  const { lab, snapshotId } = api
  const file = join(lab.home, 'exported.raw')
  expect(await lab.kiln('image', 'export', 'empty', file)).toMatchObject({ exitCode: 0, stdout: file })
  expect((await readFile(file)).equals(await readFile(join(lab.home, 'empty.raw')))).toBe(true)
  const again = await lab.kiln('snapshot', 'export', snapshotId, file)
  expect(again).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('There is such a file already.') })
  const forced = await lab.kiln('snapshot', 'export', snapshotId, file, '--format', 'vhdx', '--force')
  expect(forced.exitCode).toBe(0)
  await execa('qemu-img', ['check', '-q', '-f', 'vhdx', file])
  const nowhere = await lab.kiln('image', 'export', 'empty', '/nowhere/exported.raw')
  expect(nowhere).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('Its directory does not exist.') })
  const relative = { SnapshotId: snapshotId, Destination: 'exported.raw', Format: 'raw' } as const
  expect(await codeOf(lab.call('KilnExportSnapshot', relative))).toBe('InvalidParameterValue')
})

test('an image goes to a bucket and comes back from it, with a second disk', async () => {
  const { lab, imageId } = api
  const before = await readFile(join(lab.home, 'empty.raw'))
  for (const [bucket, format] of [
    ['backups', 'VMDK'],
    ['archive', 'VHD'],
  ] as const) {
    const { ExportImageTaskId: exportId, Status } = await lab.call('ExportImage', {
      ImageId: imageId,
      DiskImageFormat: format,
      S3ExportLocation: { S3Bucket: bucket, S3Prefix: 'exports/' },
      TagSpecifications: [{ ResourceType: 'export-image-task', Tags: [{ Key: 'of', Value: 'us' }] }],
    })
    expect(Status).toBe('active')
    expect(await endOfExport(exportId)).toMatchObject({ Status: 'completed', ImageId: imageId, Tags: [{ Key: 'of' }] })
    const key = `exports/${exportId}.${format.toLowerCase()}`
    const { ImportTaskId: importId } = await lab.call('ImportImage', {
      Description: 'back again',
      Platform: 'Linux',
      DiskContainers: [
        { Format: format, UserBucket: { S3Bucket: bucket, S3Key: key } },
        { Format: format, Url: `s3://${bucket}/${key}`, DeviceName: '/dev/sdh' },
        { SnapshotId: api.snapshotId },
      ],
    })
    const task = await endOfImport(importId)
    expect(task).toMatchObject({ Status: 'completed', Description: 'back again', Architecture: 'x86_64' })
    const image = await describe(task.ImageId)
    expect(image).toMatchObject({ Name: importId, State: 'available', RootDeviceName: '/dev/sda1' })
    expect(image.BlockDeviceMappings).toMatchObject([
      { DeviceName: '/dev/sda1' },
      { DeviceName: '/dev/sdh' },
      { DeviceName: '/dev/sdg', Ebs: { SnapshotId: api.snapshotId } },
    ])
    expect((await contentOf(image.BlockDeviceMappings?.[1]?.Ebs?.SnapshotId)).equals(before)).toBe(true)
    await lab.call('DeregisterImage', { ImageId: task.ImageId ?? '' })
  }
})

test('what an import may read depends on who asks', async () => {
  const { lab, client } = api
  const file = (path: string) => ({ DiskContainer: { Format: 'RAW', Url: `file://${path}` } })
  const hidden = file(join(lab.home, 'empty.raw'))
  const open = file(join(directory, 'open/disk.raw'))
  const { ImportTaskId: id } = await lab.call('ImportSnapshot', hidden)
  expect(await endOfSnapshotImport(id)).toMatchObject({ Status: 'completed', DiskImageSize: 1024 * 1024 })
  const { ImportTaskId: openId } = await client.send(new sdk.ImportSnapshotCommand(open))
  expect(await endOfSnapshotImport(openId)).toMatchObject({ Status: 'completed', Url: open.DiskContainer.Url })

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
  expect(await endOfSnapshotImport(linkId)).toMatchObject({
    Status: 'deleted',
    StatusMessage: expect.stringContaining('a link that leads out of'),
  })
})

test('what comes in is encrypted where it is asked for, or the account encrypts by default', async () => {
  const { lab } = api
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
  await expectEncrypted((await endOfSnapshotImport(asked)).SnapshotId)
  expect(await codeOf(lab.call('ImportSnapshot', { DiskContainer, KmsKeyId: 'alias/payroll' }))).toBe(
    'InvalidParameterDependency',
  )

  await lab.call('EnableEbsEncryptionByDefault', {})
  const { ImportTaskId: byDefault, Encrypted } = await lab.call('ImportImage', { DiskContainers: [DiskContainer] })
  expect(Encrypted).toBe(true)
  const task = await endOfImport(byDefault)
  expect(task).toMatchObject({ Status: 'completed', Encrypted: true })
  await expectEncrypted((await describe(task.ImageId)).BlockDeviceMappings?.[0]?.Ebs?.SnapshotId)
  const DiskContainers = [{ SnapshotId: api.snapshotId }]
  expect(await codeOf(lab.call('ImportImage', { DiskContainers }))).toBe('InvalidParameterCombination')
  const imported = await lab.kiln('image', 'import', join(directory, 'open/disk.raw'), '--name', 'by default')
  await expectEncrypted((await describe(imported.stdout)).BlockDeviceMappings?.[0]?.Ebs?.SnapshotId)
  await lab.call('DisableEbsEncryptionByDefault', {})
})

test('a hostile disk ends its import with the reason, and leaves nothing', async () => {
  const { lab } = api
  const before = await layers()
  await execa('qemu-img', [
    'create',
    '-q',
    '-f',
    'qcow2',
    '-b',
    '/etc/passwd',
    '-F',
    'raw',
    join(directory, 'hostile.qcow2'),
  ])
  await writeFile(join(directory, 'text'), 'hello'.repeat(1000))
  const attempt = async (container: sdk.ImageDiskContainer, message: string) => {
    const { ImportTaskId: id } = await lab.call('ImportImage', { DiskContainers: [container] })
    expect(await endOfImport(id)).toMatchObject({ Status: 'deleted', StatusMessage: expect.stringContaining(message) })
  }
  await attempt(
    { Url: 's3://backups/hostile.qcow2' },
    'ClientError: The disk image cannot be imported: it has a backing file',
  )
  await attempt({ Url: 's3://backups/text' }, 'it is neither qcow2')
  await attempt({ Format: 'VMDK', Url: 's3://backups/open/disk.raw' }, 'it is raw, not vmdk as was said')
  await attempt({ Url: 's3://backups/nothing' }, 'has no object nothing')
  expect(await layers()).toEqual(before)
  expect(await readdir(join(lab.home, 'staging'))).toEqual([])
  const { ImportImageTasks: failed } = await lab.call('DescribeImportImageTasks', {
    Filters: [{ Name: 'task-state', Values: ['deleted'] }],
  })
  expect(failed).toHaveLength(4)
})

test('a stored image comes back with its disks, tags and name, in another account too', async () => {
  const { lab } = api
  const Tags = [{ Key: 'team', Value: 'blue' }]
  await lab.call('CreateTags', { Resources: [api.imageId, api.snapshotId], Tags })
  for (const bucket of ['backups', 'archive']) {
    const request = { ImageId: api.imageId, Bucket: bucket }
    const objectTags = bucket === 'archive' ? { S3ObjectTags: [{ Key: 'kept', Value: 'long' }] } : {}
    const { ObjectKey: key } = await lab.call('CreateStoreImageTask', { ...request, ...objectTags })
    expect(key).toBe(`${api.imageId}.bin`)
    expect(await endOfStore(api.imageId)).toMatchObject({
      Bucket: bucket,
      StoreTaskState: 'Completed',
      ProgressPercentage: 100,
    })
    const restore = { Bucket: bucket, ObjectKey: key, Name: `from ${bucket}` }
    const { ImageId: restoredId } = await lab.call('CreateRestoreImageTask', {
      ...restore,
      TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'restored', Value: 'yes' }] }],
    })
    await until(async () => (await describe(restoredId)).State === 'available')
    const image = await describe(restoredId)
    expect(image).toMatchObject({ Name: `from ${bucket}`, Architecture: 'x86_64', RootDeviceName: '/dev/xvda' })
    expect(image.Tags).toEqual(expect.arrayContaining([...Tags, { Key: 'restored', Value: 'yes' }]))
    const restoredSnapshot = image.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId
    expect((await contentOf(restoredSnapshot)).equals(await readFile(join(lab.home, 'empty.raw')))).toBe(true)
    const { Snapshots: snapshots } = await lab.call('DescribeSnapshots', { SnapshotIds: [restoredSnapshot ?? ''] })
    expect(snapshots?.[0]?.Tags).toEqual(Tags)
    expect(await codeOf(lab.call('CreateRestoreImageTask', restore))).toBe('InvalidAMIName.Duplicate')
  }
  expect(server.objects.get(`${api.imageId}.bin`)?.tagging).toBe('kept=long')
  const input = { Bucket: 'backups', ObjectKey: `${api.imageId}.bin` }
  const { ImageId: theirs } = await other.send(new sdk.CreateRestoreImageTaskCommand(input))
  await until(async () => {
    const { Images: images } = await other.send(new sdk.DescribeImagesCommand({ ImageIds: [theirs ?? ''] }))
    return images?.[0]?.State === 'available' && images[0].Name === 'empty'
  })
  const tagged = { ImageId: api.imageId, Bucket: 'backups', S3ObjectTags: [{ Key: 'kept', Value: 'long' }] }
  expect(await codeOf(lab.call('CreateStoreImageTask', tagged))).toBe('UnsupportedOperation')
  expect(
    await codeOf(other.send(new sdk.CreateStoreImageTaskCommand({ ImageId: api.imageId, Bucket: 'backups' }))),
  ).toBe('InvalidAMIID.NotFound')
})

test('the command line imports, exports, stores and restores, and Ctrl-C leaves nothing', async () => {
  const { lab, imageId, snapshotId } = api
  const before = await readFile(join(lab.home, 'empty.raw'))
  const exported = await lab.kiln('image', 'export', 'empty', 's3://backups/cli/disk one.vmdk')
  expect(exported).toMatchObject({ exitCode: 0, stdout: 's3://backups/cli/disk one.vmdk' })
  const again = await lab.kiln('snapshot', 'export', snapshotId, 's3://backups/cli/disk one.vmdk')
  expect(again).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('There is such an object already.') })
  await lab.kiln('snapshot', 'export', snapshotId, 's3://archive/cli/disk.vhdx')
  const { stdout: listed } = await lab.kiln('bucket', 'ls', 's3://backups/cli')
  expect(listed).toMatch(/^s3:\/\/backups\/cli\/disk one\.vmdk +\d+\.\d KiB/m)

  const imported = await lab.kiln('image', 'import', exported.stdout, '--name', 'from a bucket', '--login-user', 'me')
  expect(imported.exitCode).toBe(0)
  const image = await describe(imported.stdout)
  expect(image.Tags).toContainEqual({ Key: 'kiln:source', Value: 's3://backups/cli/disk one.vmdk' })
  expect((await contentOf(image.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId)).equals(before)).toBe(true)
  for (const source of ['s3://archive/cli/disk.vhdx', 'empty.raw']) {
    const { stdout: id } = await lab.kiln('snapshot', 'import', source, '--description', 'brought in')
    expect((await contentOf(id)).equals(before)).toBe(true)
  }
  const wrong = await lab.kiln('snapshot', 'import', 's3://archive/cli/disk.vhdx', '--format', 'vmdk')
  expect(wrong).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('it is vhdx, not vmdk as was said') })

  const stored = await lab.kiln('image', 'store', 'empty', 'archive')
  expect(stored).toMatchObject({ exitCode: 0, stdout: `s3://archive/${imageId}.bin` })
  const restored = await lab.kiln('image', 'restore', stored.stdout, '--name', 'once more')
  expect(restored.exitCode).toBe(0)
  expect(await describe(restored.stdout)).toMatchObject({ Name: 'once more', State: 'available' })

  const images = (await lab.call('DescribeImages', {})).Images?.length
  let release = server.hold()
  const isAsked = (text: string, before: number) =>
    until(async () => server.requests.slice(before).some(({ url }) => url.includes(text)))
  const interrupt = async (wanted: string, ...args: string[]) => {
    const before = server.requests.length
    const command = lab.kiln(...args)
    await isAsked(wanted, before)
    command.interrupt()
    if (args[1] === 'store') {
      // It asks the store which parts it has, to delete them.
      await isAsked('uploads', before)
      release()
      release = server.hold()
    }
    expect(await command).toMatchObject({ exitCode: 130, stdout: '' })
  }
  await interrupt('slow.vhd', 'snapshot', 'export', snapshotId, 's3://archive/slow.vhd')
  await interrupt(`${imageId}.bin`, 'image', 'store', 'empty', 'archive')
  await interrupt('disk.vhdx', 'image', 'import', 's3://archive/cli/disk.vhdx', '--name', 'never')
  await interrupt('disk.vhdx', 'snapshot', 'import', 's3://archive/cli/disk.vhdx')
  release()
  expect(server.uploads.size).toBe(0)
  expect((await lab.call('DescribeImages', {})).Images).toHaveLength(images ?? 0)
  expect(await readdir(join(lab.home, 'staging'))).toEqual([])
  for (const id of [imported.stdout, restored.stdout]) await lab.kiln('image', 'rm', id)
})

test('what pretends to be a stored image is refused, at once or when it is read', async () => {
  const { lab } = api
  const stored = join(directory, `${api.imageId}.bin`)
  await execa('tar', ['xf', stored, '-C', directory])
  const manifest = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8')) as {
    disks: object[]
    image: object
  }
  const before = await layers()
  const pack = async (changed: object, ...files: string[]) => {
    await writeFile(join(directory, 'manifest.json'), JSON.stringify(changed))
    await execa('tar', ['cf', join(directory, 'hostile.bin'), '--format=ustar', 'manifest.json', ...files], {
      cwd: directory,
    })
  }
  const restore = () =>
    lab.call('CreateRestoreImageTask', { Bucket: 'backups', ObjectKey: 'hostile.bin', Name: 'hostile' })
  const [disk] = manifest.disks
  for (const changed of [
    { ...manifest, version: 2 },
    { ...manifest, disks: [{ ...disk, file: '../../outside' }] },
    { ...manifest, disks: [disk, disk] },
    { ...manifest, disks: [{ ...disk, volumeSizeGib: 1_000_000 }] },
    { ...manifest, image: { ...manifest.image, rootDeviceName: '/dev/sdz' } },
  ]) {
    await pack(changed)
    expect(await codeOf(restore())).toBe('InvalidStoredImage')
  }
  await writeFile(join(directory, 'hostile.bin'), 'no archive'.repeat(1000))
  expect(await codeOf(restore())).toBe('InvalidStoredImage')

  const failed = async (message: string) => {
    const { ImageId: id } = await restore()
    await until(async () => (await describe(id)).State !== 'pending')
    expect(await describe(id)).toMatchObject({
      State: 'failed',
      StateReason: { Message: expect.stringContaining(message) },
    })
    await lab.call('DeregisterImage', { ImageId: id ?? '' })
  }
  await pack(manifest)
  await failed('it is truncated')
  await pack({ ...manifest, disks: [{ ...disk, sizeBytes: 10 }] })
  await failed('it lacks disk-1.qcow2')
  await pack({ ...manifest, disks: [{ ...disk, sha256: '0'.repeat(64) }] }, 'disk-1.qcow2')
  await failed('does not have its digest')
  await pack(manifest, 'disk-1.qcow2', 'text')
  await failed('it holds "text", of which its manifest does not tell')
  const bytes = await readFile(join(directory, 'hostile.qcow2'))
  await writeFile(join(directory, 'disk-1.qcow2'), bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  await pack({ ...manifest, disks: [{ ...disk, sizeBytes: bytes.length, sha256 }] }, 'disk-1.qcow2')
  await failed('it has a backing file')
  await rm(join(directory, 'disk-1.qcow2'))
  await symlink('/etc/passwd', join(directory, 'disk-1.qcow2'))
  await pack({ ...manifest, disks: [{ ...disk, sizeBytes: 10 }] }, 'disk-1.qcow2')
  await failed('it holds a symlink')
  expect(await layers()).toEqual(before)
})

test('a task that is cancelled leaves nothing, and goes on after the daemon was killed', async () => {
  const { lab, imageId } = api
  // A disk that goes into a store in several parts.
  await execa('cp', [join(lab.home, 'empty.raw'), join(lab.home, 'large.raw')])
  await truncate(join(lab.home, 'large.raw'), 12 * 1024 ** 2)
  const { stdout: largeId } = await lab.kiln('snapshot', 'import', 'large.raw')
  const before = await layers()
  // An import that hangs in the middle of its download until it is let go.
  server.objects.set('slow.raw', { content: await readFile(join(lab.home, 'empty.raw')), tagging: '' })
  const slow = { DiskContainers: [{ UserBucket: { S3Bucket: 'archive', S3Key: 'slow.raw' } }] }
  const release = server.hold()
  const { ImportTaskId: id = '' } = await lab.call('ImportImage', slow)
  await until(async () => server.requests.at(-1)?.url.includes('slow.raw') === true)
  expect(await lab.call('CancelImportTask', { ImportTaskId: id })).toEqual({
    ImportTaskId: id,
    PreviousState: 'active',
    State: 'deleting',
  })
  expect(await endOfImport(id)).toMatchObject({ Status: 'deleted', StatusMessage: 'Cancelled' })
  expect(await codeOf(lab.call('CancelImportTask', { ImportTaskId: id }))).toBe('IncorrectState')
  expect(await codeOf(lab.call('CancelImportTask', { ImportTaskId: 'import-ami-00000000000000000' }))).toBe(
    'InvalidConversionTaskId',
  )

  const requests = server.requests.length
  const { ImportTaskId: firstId = '' } = await lab.call('ImportImage', slow)
  const { ImportTaskId: secondId = '' } = await lab.call('ImportImage', slow)
  expect(await codeOf(lab.call('ImportImage', slow))).toBe('ResourceLimitExceeded')
  await until(async () => server.requests.length > requests)
  await lab.call('CancelImportTask', { ImportTaskId: secondId })
  const exported = {
    SnapshotId: largeId,
    Destination: 's3://archive/large.raw',
    Format: 'raw',
    Overwrite: true,
  } as const
  await lab.call('KilnExportSnapshot', exported)
  await until(async () => server.requests.some(({ url }) => url.includes('large.raw?uploads')))
  await lab.killDaemon()
  release()
  await until(async () => server.uploads.size === 1)
  await lab.startDaemon()
  // It is not begun again, and its parts are not left to be paid for.
  await until(async () => server.uploads.size === 0)
  expect(await endOfImport(secondId)).toMatchObject({ Status: 'deleted' })
  const resumed = await endOfImport(firstId)
  expect(resumed).toMatchObject({ Status: 'completed' })
  expect(await layers()).toHaveLength(before.length + 1)
  await api.lab.call('DeregisterImage', { ImageId: resumed.ImageId ?? '', DeleteAssociatedSnapshots: true })

  const letGo = server.hold()
  const { ExportImageTaskId: exportId = '' } = await lab.call('ExportImage', {
    ImageId: imageId,
    DiskImageFormat: 'RAW',
    S3ExportLocation: { S3Bucket: 'archive' },
  })
  await until(async () => server.requests.at(-1)?.url.includes(exportId) === true)
  await lab.call('CancelExportTask', { ExportTaskId: exportId })
  letGo()
  expect(await endOfExport(exportId)).toMatchObject({ Status: 'deleted', StatusMessage: 'Cancelled' })
  expect([...server.objects.keys()].filter((key) => key.includes(exportId))).toEqual([])
  expect(server.uploads.size).toBe(0)
  await until(async () => (await layers()).length === before.length)
  expect(await readdir(join(lab.home, 'staging'))).toEqual([])
})
