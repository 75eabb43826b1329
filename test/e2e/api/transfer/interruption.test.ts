import { readdir, readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type HeldProgram, holdQemuImg } from '../../held-program.ts'
import { until } from '../../lab.ts'
import { packTwoDisks } from '../../two-disks.ts'
import { codeOf } from '../other-account.ts'
import { openTransferLab, type TransferLab } from './transfer-lab.ts'

let api: TransferLab

let qemuImg: HeldProgram

beforeAll(async () => {
  qemuImg = await holdQemuImg()
  api = await openTransferLab(qemuImg.directory)
})
afterAll(async () => {
  await api.close()
  await qemuImg.remove()
})

test('the command line imports, exports, stores and restores, and Ctrl-C leaves nothing', async () => {
  const { lab, imageId, snapshotId, server } = api
  const before = await readFile(join(lab.home, 'empty.raw'))
  const exported = await lab.kiln('image', 'export', 'empty', 's3://backups/cli/disk one.vmdk')
  expect(exported).toMatchObject({ exitCode: 0, stdout: 's3://backups/cli/disk one.vmdk' })
  const again = await lab.kiln('snapshot', 'export', snapshotId, 's3://backups/cli/disk one.vmdk')
  expect(again).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('There is such an object already: Overwrite (--force) replaces it.'),
  })
  await lab.kiln('snapshot', 'export', snapshotId, 's3://archive/cli/disk.vhdx')
  const { stdout: listed } = await lab.kiln('bucket', 'ls', 's3://backups/cli')
  expect(listed).toMatch(/^s3:\/\/backups\/cli\/disk one\.vmdk +\d+\.\d KiB/m)

  const imported = await lab.kiln('image', 'import', exported.stdout, '--name', 'from a bucket', '--login-user', 'me')
  expect(imported.exitCode).toBe(0)
  const image = await api.describe(imported.stdout)
  expect(image.Tags).toContainEqual({ Key: 'kiln:source', Value: 's3://backups/cli/disk one.vmdk' })
  expect((await api.contentOf(image.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId)).equals(before)).toBe(true)
  for (const source of ['s3://archive/cli/disk.vhdx', 'empty.raw']) {
    const { stdout: id } = await lab.kiln('snapshot', 'import', source, '--description', 'brought in')
    expect((await api.contentOf(id)).equals(before)).toBe(true)
  }
  const wrong = await lab.kiln('snapshot', 'import', 's3://archive/cli/disk.vhdx', '--format', 'vmdk')
  expect(wrong).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('it is vhdx, not vmdk as was said') })

  const stored = await lab.kiln('image', 'store', 'empty', 'archive')
  expect(stored).toMatchObject({ exitCode: 0, stdout: `s3://archive/${imageId}.bin` })
  const restored = await lab.kiln('image', 'restore', stored.stdout, '--name', 'once more')
  expect(restored.exitCode).toBe(0)
  expect(await api.describe(restored.stdout)).toMatchObject({ Name: 'once more', State: 'available' })

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

test('a task that is cancelled leaves nothing, and goes on after the daemon was killed', async () => {
  const { lab, imageId, server } = api
  // A disk that goes into a store in several parts.
  await execa('cp', [join(lab.home, 'empty.raw'), join(lab.home, 'large.raw')])
  await truncate(join(lab.home, 'large.raw'), 12 * 1024 ** 2)
  const { stdout: largeId } = await lab.kiln('snapshot', 'import', 'large.raw')
  const before = await api.layers()
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
  expect(await api.ends.ofImport(id)).toMatchObject({ Status: 'deleted', StatusMessage: 'Cancelled' })
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
  const { TaskId: interruptedId } = await lab.call('KilnExportSnapshot', exported)
  await until(async () => server.requests.some(({ url }) => url.includes('large.raw?uploads')))
  await lab.killDaemon()
  release()
  await until(async () => server.uploads.size === 1)
  await lab.startDaemon()
  // It is not begun again, says so, and its parts are not left to be paid for.
  const { Tasks: tasks } = await lab.call('KilnDescribeTasks', { TaskIds: [interruptedId] })
  expect(tasks[0]).toMatchObject({ State: 'failed', Error: { Code: 'Server.Interrupted' } })
  await until(async () => server.uploads.size === 0)
  expect(server.objects.has('large.raw')).toBe(false)
  expect(await api.ends.ofImport(secondId)).toMatchObject({ Status: 'deleted' })
  const resumed = await api.ends.ofImport(firstId)
  expect(resumed).toMatchObject({ Status: 'completed' })
  expect(await api.layers()).toHaveLength(before.length + 1)
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
  expect(await api.ends.ofExport(exportId)).toMatchObject({ Status: 'deleted', StatusMessage: 'Cancelled' })
  expect([...server.objects.keys()].filter((key) => key.includes(exportId))).toEqual([])
  expect(server.uploads.size).toBe(0)
  await until(async () => (await api.layers()).length === before.length)
  expect(await readdir(join(lab.home, 'staging'))).toEqual([])
})

test('an image of several disks is all there or not at all, whatever ends its import', async () => {
  const { lab, directory } = api
  await packTwoDisks(directory, 'halved', join(directory, 'open/disk.raw'), 'the second disk')
  const before = await api.layers()
  /** Begins an import, and answers when one of its two disks is a layer. */
  const beginHalf = async () => {
    // The root is the second one in the archive.
    const held = await qemuImg.hold('unpacked-0-1')
    const { ImportTaskId: id = '' } = await lab.call('ImportImage', {
      DiskContainers: [{ Url: 's3://backups/halved.ova' }],
    })
    await held.isThere()
    const { ImportImageTasks: tasks } = await lab.call('DescribeImportImageTasks', { ImportTaskIds: [id] })
    expect(tasks?.[0]).toMatchObject({
      Status: 'active',
      SnapshotDetails: [
        { DeviceName: '/dev/sda1', DiskImageSize: 1024 ** 2, Progress: '100', Status: 'completed' },
        { DeviceName: '/dev/sdf', DiskImageSize: 2 * 1024 ** 2, Progress: '0', Status: 'active' },
      ],
    })
    return { id, held }
  }
  const cancelled = await beginHalf()
  await lab.call('CancelImportTask', { ImportTaskId: cancelled.id })
  expect(await api.ends.ofImport(cancelled.id)).toMatchObject({ Status: 'deleted', StatusMessage: 'Cancelled' })
  await cancelled.held.letGo()
  expect(await api.layers()).toEqual(before)
  expect(await readdir(join(lab.home, 'staging'))).toEqual([])

  const killed = await beginHalf()
  await lab.killDaemon()
  await killed.held.letGo()
  await lab.startDaemon()
  const { ImageId: imageId = '', ...task } = await api.ends.ofImport(killed.id)
  expect(task).toMatchObject({
    Status: 'completed',
    SnapshotDetails: [{ Status: 'completed' }, { Status: 'completed' }],
  })
  expect(await api.layers()).toHaveLength(before.length + 2)
  await lab.call('DeregisterImage', { ImageId: imageId, DeleteAssociatedSnapshots: true })
  await until(async () => (await api.layers()).length === before.length)
})

test('an image that is being restored is there in the end, or nothing of it', async () => {
  const { lab } = api
  const stored = await lab.kiln('image', 'store', 'empty', 'archive')
  const before = await api.layers()
  const { Images: images } = await lab.call('DescribeImages', {})

  const held = await qemuImg.hold()
  const command = lab.kiln('image', 'restore', stored.stdout, '--name', 'interrupted')
  await held.isThere()
  command.interrupt()
  expect(await command).toMatchObject({ exitCode: 130, stdout: '' })
  await held.letGo()
  expect((await lab.call('DescribeImages', {})).Images).toEqual(images)
  expect(await api.layers()).toEqual(before)
  expect(await readdir(join(lab.home, 'staging'))).toEqual([])

  const heldAgain = await qemuImg.hold()
  const request = { Bucket: 'archive', ObjectKey: `${api.imageId}.bin`, Name: 'interrupted' }
  const { ImageId: imageId = '' } = await lab.call('CreateRestoreImageTask', request)
  await heldAgain.isThere()
  await lab.killDaemon()
  await heldAgain.letGo()
  await lab.startDaemon()
  await until(async () => (await api.describe(imageId)).State === 'available')
  const { BlockDeviceMappings: devices } = await api.describe(imageId)
  const restored = await api.contentOf(devices?.[0]?.Ebs?.SnapshotId)
  expect(restored.equals(await readFile(join(lab.home, 'empty.raw')))).toBe(true)
  expect(await api.layers()).toHaveLength(before.length + 1)
  expect((await lab.kiln('image', 'rm', imageId)).exitCode).toBe(0)
})
