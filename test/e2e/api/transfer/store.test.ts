import { createHash } from 'node:crypto'
import { readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as sdk from '@aws-sdk/client-ec2'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../../lab.ts'
import { codeOf } from '../other-account.ts'
import { openTransferLab, type TransferLab } from './transfer-lab.ts'

let api: TransferLab

beforeAll(async () => {
  api = await openTransferLab()
})
afterAll(() => api.close())

test('a stored image comes back with its disks, tags and name, in another account too', async () => {
  const { lab, server, other } = api
  const Tags = [{ Key: 'team', Value: 'blue' }]
  await lab.call('CreateTags', { Resources: [api.imageId, api.snapshotId], Tags })
  for (const bucket of ['backups', 'archive']) {
    const request = { ImageId: api.imageId, Bucket: bucket }
    const objectTags = bucket === 'archive' ? { S3ObjectTags: [{ Key: 'kept', Value: 'long' }] } : {}
    const { ObjectKey: key } = await lab.call('CreateStoreImageTask', { ...request, ...objectTags })
    expect(key).toBe(`${api.imageId}.bin`)
    expect(await api.ends.ofStore(api.imageId)).toMatchObject({
      Bucket: bucket,
      StoreTaskState: 'Completed',
      ProgressPercentage: 100,
    })
    const restore = { Bucket: bucket, ObjectKey: key, Name: `from ${bucket}` }
    const { ImageId: restoredId } = await lab.call('CreateRestoreImageTask', {
      ...restore,
      TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'restored', Value: 'yes' }] }],
    })
    await until(async () => (await api.describe(restoredId)).State === 'available')
    const image = await api.describe(restoredId)
    expect(image).toMatchObject({ Name: `from ${bucket}`, Architecture: 'x86_64', RootDeviceName: '/dev/xvda' })
    expect(image.Tags).toEqual(expect.arrayContaining([...Tags, { Key: 'restored', Value: 'yes' }]))
    const restoredSnapshot = image.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId
    expect((await api.contentOf(restoredSnapshot)).equals(await readFile(join(lab.home, 'empty.raw')))).toBe(true)
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

test('what pretends to be a stored image is refused, at once or when it is read', async () => {
  const { lab, directory } = api
  const stored = join(directory, `${api.imageId}.bin`)
  await api.putHostileFiles()
  await execa('tar', ['xf', stored, '-C', directory])
  const manifest = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8')) as {
    disks: object[]
    image: object
  }
  const before = await api.layers()
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
    await until(async () => (await api.describe(id)).State !== 'pending')
    expect(await api.describe(id)).toMatchObject({
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
  expect(await api.layers()).toEqual(before)
})

test('an encrypted image is stored as it reads, and encrypted by another key where it comes back to one', async () => {
  const { lab, directory } = api
  const root = join(directory, 'open/disk.raw')
  const { ImportTaskId: importId } = await lab.call('ImportImage', {
    DiskContainers: [{ Url: `file://${root}` }],
    Encrypted: true,
    KmsKeyId: 'alias/payroll',
  })
  const { ImageId: encryptedId = '' } = await api.ends.ofImport(importId)
  const { ObjectKey: key = '' } = await lab.call('CreateStoreImageTask', { ImageId: encryptedId, Bucket: 'backups' })
  expect(await api.ends.ofStore(encryptedId)).toMatchObject({ StoreTaskState: 'Completed' })
  const restore = async (Name: string) => {
    const { ImageId: id } = await lab.call('CreateRestoreImageTask', { Bucket: 'backups', ObjectKey: key, Name })
    await until(async () => (await api.describe(id)).State === 'available')
    const { BlockDeviceMappings: devices } = await api.describe(id)
    const { Snapshots: snapshots } = await lab.call('DescribeSnapshots', {
      SnapshotIds: [devices?.[0]?.Ebs?.SnapshotId ?? ''],
    })
    return snapshots?.[0] ?? {}
  }
  const plain = await restore('decrypted')
  expect(plain.Encrypted).toBe(false)
  expect((await api.contentOf(plain.SnapshotId)).equals(await readFile(root))).toBe(true)
  await lab.call('EnableEbsEncryptionByDefault', {})
  const again = await restore('encrypted again')
  await lab.call('DisableEbsEncryptionByDefault', {})
  expect([again.Encrypted, again.KmsKeyId]).toEqual([true, expect.stringMatching(/^arn:aws:kms:/)])
  // As a plain file an encrypted disk does not leave.
  const exported = await lab.kiln('snapshot', 'export', again.SnapshotId ?? '', join(lab.home, 'never.raw'))
  expect(exported).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('is encrypted') })
})
