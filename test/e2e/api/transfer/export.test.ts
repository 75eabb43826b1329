import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { codeOf } from '../other-account.ts'
import { openTransferLab, type TransferLab } from './transfer-lab.ts'

let api: TransferLab

beforeAll(async () => {
  api = await openTransferLab()
})
afterAll(() => api.close())

test('an image and a snapshot are written as files, which takes the place of nothing unless it is said', async () => {
  const { lab, snapshotId } = api
  const file = join(lab.home, 'exported.raw')
  expect(await lab.kiln('image', 'export', 'empty', file)).toMatchObject({ exitCode: 0, stdout: file })
  expect((await readFile(file)).equals(await readFile(join(lab.home, 'empty.raw')))).toBe(true)
  const again = await lab.kiln('snapshot', 'export', snapshotId, file)
  expect(again).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('There is such a file already: Overwrite (--force) replaces it.'),
  })
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
    expect(await api.ends.ofExport(exportId)).toMatchObject({
      Status: 'completed',
      ImageId: imageId,
      Tags: [{ Key: 'of' }],
    })
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
    const task = await api.ends.ofImport(importId)
    expect(task).toMatchObject({ Status: 'completed', Description: 'back again', Architecture: 'x86_64' })
    const image = await api.describe(task.ImageId)
    expect(image).toMatchObject({ Name: importId, State: 'available', RootDeviceName: '/dev/sda1' })
    expect(image.BlockDeviceMappings).toMatchObject([
      { DeviceName: '/dev/sda1' },
      { DeviceName: '/dev/sdh' },
      { DeviceName: '/dev/sdg', Ebs: { SnapshotId: api.snapshotId } },
    ])
    expect((await api.contentOf(image.BlockDeviceMappings?.[1]?.Ebs?.SnapshotId)).equals(before)).toBe(true)
    await lab.call('DeregisterImage', { ImageId: task.ImageId ?? '' })
  }
})
