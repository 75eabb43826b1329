import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitForConsole } from './bare-qemu.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'
import { packTwoDisks } from './two-disks.ts'

const copies = 5

let lab: Lab
let servers: Servers
let nano: string
let original: string
let imageId: string
let importedId: string
/** A bucket, seen from the host. */
let bucket: string

beforeAll(async () => {
  bucket = await mkdtemp(join(tmpdir(), 'kiln-bucket-'))
  await chmod(bucket, 0o777)
  const configuration = `buckets: { out: { directory: ${bucket} } }\n`
  lab = await openLab(labUser, { configuration })
  await lab.startDaemon()
  nano = await provideImage(lab, 'nano')
  servers = await prepareServers(lab)
  ;[original = ''] = await servers.launch(nano)
  await servers.waitForStage(original, 'ssh')
})
afterAll(async () => {
  await lab.close()
  await rm(bucket, { recursive: true })
})

/** What makes a server itself. */
const identity = 'cat /etc/machine-id; sudo cat /etc/dropbear/dropbear_ed25519_host_key | md5sum; hostname'
const listLayers = async () => (await readdir(join(lab.home, 'layers'))).sort()

test('a server that runs becomes an image while it writes', async () => {
  await servers.run(
    original,
    'echo data-1 >data; sync; (while :; do date >>busy; done) >/dev/null 2>&1 </dev/null & echo $! >writer',
  )
  const image = await lab.call('CreateImage', { InstanceId: original, Name: 'cake', NoReboot: true })
  imageId = image.ImageId ?? ''
  await servers.run(original, 'echo data-2 >data; sync')
  await until(async () => {
    const { Images: images } = await lab.call('DescribeImages', { ImageIds: [imageId] })
    return images?.[0]?.State === 'available'
  })
  expect((await servers.describe(original)).State?.Name).toBe('running')
  // It would keep a whole processor from the servers of the image.
  await servers.run(original, 'kill $(cat writer)')
  // Whom its servers let in is known of an image that was made of a server, too.
  const { Images: categories } = await lab.call('KilnDescribeImageCategories', {})
  expect(categories).toContainEqual({ ImageId: imageId, Category: 'mine', LoginUser: 'ec2-user' })
})

test(`${copies} servers of it have its data, and each is a server of its own`, async () => {
  const ids = await servers.launch(imageId, { MinCount: copies, MaxCount: copies })
  await Promise.all(ids.map((id) => servers.waitForStage(id, 'ssh')))
  const told = await Promise.all([original, ...ids].map((id) => servers.run(id, `cat data; ${identity}`)))
  const [data, ...rest] = [0, 1, 2, 3].map((line) => told.map((text) => text.split('\n')[line] ?? ''))
  expect(data).toEqual(['data-2', ...ids.map(() => 'data-1')])
  for (const values of rest) {
    expect(new Set(values).size).toBe(copies + 1)
    expect(values).not.toContain('')
  }
  expect(rest[0]?.every((id) => /^[0-9a-f]{32}$/.test(id))).toBe(true)
  // Nobody asks them any more.
  await lab.call('TerminateInstances', { InstanceIds: [original, ...ids] })
})

test('exported, it boots under a bare QEMU; imported again with a second disk, it is a server with the data of both', async () => {
  const exported = await lab.kiln('image', 'export', 'cake', 's3://out/cake.qcow2')
  expect(exported).toMatchObject({ exitCode: 0, stdout: 's3://out/cake.qcow2' })
  const { ExportImageTaskId: exportId = '' } = await lab.call('ExportImage', {
    ImageId: imageId,
    DiskImageFormat: 'VMDK',
    S3ExportLocation: { S3Bucket: 'out', S3Prefix: 'cake-' },
  })
  const exports = async () =>
    (await lab.call('DescribeExportImageTasks', { ExportImageTaskIds: [exportId] })).ExportImageTasks?.[0]
  await until(async () => (await exports())?.Status !== 'active')
  const key = `cake-${exportId}.vmdk`
  await Promise.all([
    waitForConsole({ path: join(bucket, 'cake.qcow2'), format: 'qcow2' }, 'login:'),
    waitForConsole({ path: join(bucket, key), format: 'vmdk' }, 'login:'),
  ])

  await packTwoDisks(bucket, 'two', join(bucket, key), 'data-of-the-second')
  const { ImportTaskId: importId = '' } = await lab.call('ImportImage', {
    DiskContainers: [{ Format: 'OVA', UserBucket: { S3Bucket: 'out', S3Key: 'two.ova' } }],
  })
  const imports = async () =>
    (await lab.call('DescribeImportImageTasks', { ImportTaskIds: [importId] })).ImportImageTasks?.[0]
  await until(async () => (await imports())?.Status !== 'active')
  importedId = (await imports())?.ImageId ?? ''
  const [id = ''] = await servers.launch(importedId)
  await servers.waitForStage(id, 'ssh')
  const second = 'sudo dd if=/dev/vdb bs=1M skip=1 count=1 2>/dev/null | head -c 18'
  expect(await servers.run(id, `cat data; ${second}`)).toBe('data-1\ndata-of-the-second')
})

test('nothing of them is left when all of it is taken down', async () => {
  const { Reservations: reservations = [] } = await lab.call('DescribeInstances', {})
  const ids = reservations.flatMap(({ Instances: all = [] }) => all.map(({ InstanceId: id = '' }) => id))
  await lab.call('TerminateInstances', { InstanceIds: ids })
  await Promise.all(ids.map((id) => servers.waitForState(id, 'terminated')))
  for (const ImageId of [imageId, importedId]) {
    await lab.call('DeregisterImage', { ImageId, DeleteAssociatedSnapshots: true })
  }
  expect((await lab.call('DescribeVolumes', {})).Volumes).toEqual([])
  expect((await lab.call('DescribeSnapshots', { OwnerIds: ['self'] })).Snapshots).toHaveLength(1)
  // A layer that nothing needs any more goes in the background.
  await until(async () => (await listLayers()).length === 1)
  expect(await readdir(join(lab.home, 'volumes'))).toEqual([])
  expect(await readdir(join(lab.home, 'images'))).toEqual([nano])
})
