import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { provideImage } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'

const gib = 1024 ** 3
const sectorBytes = 512
/** The most layers that a volume is to stand on. */
const flattenDepth = 3

let lab: Lab
let servers: Servers
let nano: string
let server: string
let data: string

beforeAll(async () => {
  lab = await openLab(labUser, {
    configuration: `storage: { flattenDepth: ${flattenDepth} }\n`,
  })
  await lab.startDaemon()
  nano = await provideImage(lab, 'nano')
  servers = await prepareServers(lab)
  ;[server = ''] = await servers.launch(nano)
  await servers.waitForStage(server, 'ssh')
})
afterAll(async () => {
  expect(await lab.close()).toEqual([])
})

async function describeVolume(id: string) {
  const { Volumes: volumes } = await lab.call('DescribeVolumes', { VolumeIds: [id] })
  return volumes?.[0]
}
const waitForVolume = async (id: string, state: string) =>
  await until(async () => (await describeVolume(id))?.State === state)
const waitForImage = async (id: string) =>
  await until(async () => {
    const { Images: images } = await lab.call('DescribeImages', { ImageIds: [id] })
    return images?.[0]?.State === 'available'
  })

/** The guest's name of the disk with that volume's serial; empty when it has none. */
const findDisk = async (id: string, where = server) =>
  await servers.run(where, `grep -l ${id.replace('-', '')} /sys/block/*/serial | cut -d/ -f4 || true`)
const sizeOf = async (disk: string) => Number(await servers.run(server, `cat /sys/block/${disk}/size`)) * sectorBytes
const write = async (disk: string, text: string) =>
  await servers.run(server, `echo ${text} | sudo dd of=/dev/${disk} conv=fsync`)
const read = async (disk: string, where = server) => await servers.run(where, `sudo head -n 1 /dev/${disk}`)

async function attach(id: string, device: string): Promise<string> {
  await lab.call('AttachVolume', { VolumeId: id, InstanceId: server, Device: device })
  await until(async () => (await describeVolume(id))?.Attachments?.[0]?.State === 'attached')
  await until(async () => (await findDisk(id)) !== '')
  return await findDisk(id)
}

/** What a guest has written to encrypted volumes is in none of their files, and their keys are where they belong alone. */
async function expectSecrecy(volumeIds: readonly string[], text: string, where = server): Promise<void> {
  for (const id of volumeIds) {
    const directory = join(lab.home, 'volumes', id)
    for (const name of await readdir(directory))
      expect(await readFile(join(directory, name), 'latin1')).not.toContain(text)
  }
  const keyring = join(lab.home, 'keyring')
  const names = await readdir(keyring)
  expect(names.length).toBeGreaterThanOrEqual(volumeIds.length)
  const machine = join(lab.home, 'machines', where)
  const { pid } = JSON.parse(await readFile(join(machine, 'process.json'), 'utf8')) as { pid: number }
  for (const name of names) {
    const path = join(keyring, name)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    const key = await readFile(path, 'utf8')
    for (const file of [`/proc/${pid}/cmdline`, join(machine, 'machine.json'), join(machine, 'qemu.log')]) {
      expect(await readFile(file, 'latin1')).not.toContain(key)
    }
  }
}

test('a running server sees an attached volume at once, by its serial and in its metadata', async () => {
  const zone = (await servers.describe(server)).Placement?.AvailabilityZone ?? ''
  // Encrypted: whatever is done with it here must work with its key, and leave nothing readable.
  const made = await lab.call('CreateVolume', { AvailabilityZone: zone, Size: 1, VolumeType: 'gp3', Encrypted: true })
  data = made.VolumeId ?? ''
  await waitForVolume(data, 'available')
  const disk = await attach(data, '/dev/sdf')
  expect(await sizeOf(disk)).toBe(gib)
  await write(disk, 'before')
  const mapping = 'http://169.254.169.254/latest/meta-data/block-device-mapping'
  expect(await servers.run(server, `wget -qO- ${mapping}/ebs1`)).toContain('sdf')
})

test('a volume that grows in use is larger for the server at once, with what was on it', async () => {
  await lab.call('ModifyVolume', { VolumeId: data, Size: 2 })
  const disk = await findDisk(data)
  await until(async () => (await sizeOf(disk)) === 2 * gib)
  expect(await read(disk)).toBe('before')
})

test('a server cannot read faster than its volume allows, which changes at once and holds with a new daemon', async () => {
  await lab.call('ModifyVolume', { VolumeId: data, Size: 4, VolumeType: 'io1', Iops: 100 })
  await until(async () => (await describeVolume(data))?.VolumeType === 'io1')
  await lab.killDaemon()
  await lab.startDaemon()
  const disk = await findDisk(data)
  // Each past the guest's cache, one after the other.
  const reading = `cat /proc/uptime; sudo dd if=/dev/${disk} of=/dev/null bs=4k count=200 iflag=direct 2>&1; cat /proc/uptime`
  const times = (await servers.run(server, reading)).split('\n').filter((line) => /^[\d.]+ [\d.]+$/.test(line))
  const [begin = 0, end = 0] = times.map((line) => Number(line.split(' ')[0]))
  expect(end - begin).toBeGreaterThan(1.7)
  await lab.call('ModifyVolume', { VolumeId: data, VolumeType: 'gp3' })
  await until(async () => (await describeVolume(data))?.VolumeType === 'gp3')
})

test('an image of a running server with its volumes, taken by a new daemon, has what was written until then', async () => {
  await lab.killDaemon()
  await lab.startDaemon()
  await servers.run(server, 'echo before | sudo tee /etc/kept && sync')
  const { ImageId: imageId = '' } = await lab.call('CreateImage', { InstanceId: server, Name: 'copy', NoReboot: true })
  await servers.run(server, 'echo after | sudo tee /etc/kept && sync')
  await write(await findDisk(data), 'after')
  await waitForImage(imageId)
  const [child = ''] = await servers.launch(imageId)
  await servers.waitForStage(child, 'ssh')
  expect(await servers.run(child, 'cat /etc/kept')).toBe('before')
  const { Volumes: volumes = [] } = await lab.call('DescribeVolumes', {
    Filters: [
      { Name: 'attachment.instance-id', Values: [child] },
      { Name: 'attachment.device', Values: ['/dev/sdf'] },
    ],
  })
  expect(volumes[0]).toMatchObject({ Size: 4, VolumeType: 'gp3' })
  expect(await read(await findDisk(volumes[0]?.VolumeId ?? '', child), child)).toBe('before')
  expect(await servers.run(server, 'cat /etc/kept')).toBe('after')
  expect(await read(await findDisk(data))).toBe('after')
  await lab.call('TerminateInstances', { InstanceIds: [child] })
  await servers.waitForState(child, 'terminated')
  // EC2's rule: a volume that was attached by hand stays, and so do the volumes of its image.
  expect((await describeVolume(volumes[0]?.VolumeId ?? ''))?.State).toBe('available')
  await lab.call('DeleteVolume', { VolumeId: volumes[0]?.VolumeId ?? '' })
  await deregister(imageId)
})

test('a server whose root volume is encrypted at its launch boots again and again, and leaves nothing readable', async () => {
  const [sealed = ''] = await servers.launch(nano, {
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { Encrypted: true } }],
  })
  await servers.waitForStage(sealed, 'ssh')
  const root = (await servers.describe(sealed)).BlockDeviceMappings?.[0]?.Ebs?.VolumeId ?? ''
  expect(await describeVolume(root)).toMatchObject({ Encrypted: true, KmsKeyId: expect.stringContaining(':key/') })
  await servers.run(sealed, 'echo root-in-plain | sudo tee /etc/kept && sync')
  await lab.call('StopInstances', { InstanceIds: [sealed] })
  await servers.waitForState(sealed, 'stopped')
  await lab.call('StartInstances', { InstanceIds: [sealed] })
  await servers.waitForStage(sealed, 'ssh')
  expect(await servers.run(sealed, 'cat /etc/kept')).toBe('root-in-plain')
  await expectSecrecy([root], 'root-in-plain', sealed)
  await lab.call('TerminateInstances', { InstanceIds: [sealed] })
  await servers.waitForState(sealed, 'terminated')
  expect(await describeVolume(root).catch(() => undefined)).toBeUndefined()
})

test('a volume that is given back while the server boots comes back, although the guest does not hear it then', async () => {
  const zone = (await servers.describe(server)).Placement?.AvailabilityZone ?? ''
  const { VolumeId: volumeId = '' } = await lab.call('CreateVolume', { AvailabilityZone: zone, Size: 1 })
  const [booting = ''] = await servers.launch(nano)
  await servers.waitForState(booting, 'running')
  await lab.call('AttachVolume', { VolumeId: volumeId, InstanceId: booting, Device: '/dev/sdf' })
  await until(async () => (await describeVolume(volumeId))?.Attachments?.[0]?.State === 'attached')
  await lab.call('DetachVolume', { VolumeId: volumeId })
  await waitForVolume(volumeId, 'available')
  await servers.waitForStage(booting, 'ssh')
  expect(await findDisk(volumeId, booting)).toBe('')
  await lab.call('DeleteVolume', { VolumeId: volumeId })
  await lab.call('TerminateInstances', { InstanceIds: [booting] })
  await servers.waitForState(booting, 'terminated')
})

test('a detached volume is gone from the server and keeps its data, as its snapshot does', async () => {
  const { SnapshotId: snapshotId = '' } = await lab.call('CreateSnapshot', { VolumeId: data })
  await write(await findDisk(data), 'later-in-plain')
  await lab.call('DetachVolume', { VolumeId: data })
  await waitForVolume(data, 'available')
  expect(await findDisk(data)).toBe('')
  await until(async () => {
    const { Snapshots: snapshots } = await lab.call('DescribeSnapshots', { SnapshotIds: [snapshotId] })
    return snapshots?.[0]?.State === 'completed'
  })
  const zone = (await servers.describe(server)).Placement?.AvailabilityZone ?? ''
  const { VolumeId: restored = '' } = await lab.call('CreateVolume', { AvailabilityZone: zone, SnapshotId: snapshotId })
  await waitForVolume(restored, 'available')
  expect(await read(await attach(data, '/dev/sdg'))).toBe('later-in-plain')
  expect(await read(await attach(restored, '/dev/sdh'))).toBe('after')
  expect(await describeVolume(restored)).toMatchObject({ Encrypted: true, KmsKeyId: expect.stringContaining(':key/') })
  await expectSecrecy([data, restored], 'later-in-plain')
  for (const id of [data, restored]) {
    await lab.call('DetachVolume', { VolumeId: id })
    await waitForVolume(id, 'available')
    await lab.call('DeleteVolume', { VolumeId: id })
  }
  await lab.call('DeleteSnapshot', { SnapshotId: snapshotId })
})

/** The files of layers that the machine of the server has open. */
async function listOpenLayers(): Promise<string[]> {
  const { QemuPid: pid } = await lab.call('KilnDescribeInstance', { InstanceId: server })
  const descriptors = `/proc/${pid}/fd`
  const targets = await Promise.all(
    (await readdir(descriptors)).map(async (name) => await readlink(join(descriptors, name)).catch(() => '')),
  )
  return [...new Set(targets.filter((target) => target.includes(join(lab.home, 'layers'))))]
}

/** Resolves in the midst of the flattening of a layer. It takes a tenth of a second, so there is no pause between two looks. */
async function catchFlattening(): Promise<void> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const layers = await readdir(join(lab.home, 'layers'))
    const files = await Promise.all(layers.map((name) => readdir(join(lab.home, 'layers', name)).catch(() => [])))
    if (files.flat().includes('flat.qcow2')) return
    if (Date.now() > deadline) throw new Error('no layer was seen being flattened')
  }
}

test('chains under a busy volume stay short, though the daemon is killed while it flattens them, and all data is there', async () => {
  const zone = (await servers.describe(server)).Placement?.AvailabilityZone ?? ''
  const { VolumeId: busy = '' } = await lab.call('CreateVolume', { AvailabilityZone: zone, Size: 1 })
  await waitForVolume(busy, 'available')
  const before = (await listOpenLayers()).length
  const disk = await attach(busy, '/dev/sdi')
  // Writes on and on behind what the test writes, and keeps account of it.
  await servers.run(
    server,
    `(n=100; while [ ! -e /tmp/stop ]; do n=$((n+1)); sudo dd if=/dev/urandom of=/tmp/block bs=64k count=1 2>/dev/null
      sudo dd if=/tmp/block of=/dev/${disk} bs=64k seek=$n conv=fsync,notrunc 2>/dev/null
      echo "$n $(md5sum < /tmp/block)" >> /tmp/account; done; touch /tmp/stopped) > /dev/null 2>&1 &`,
  )
  const snapshotIds: string[] = []
  for (let number = 1; number <= 2 * flattenDepth; number++) {
    await write(disk, `state${number}`)
    const { SnapshotId: id = '' } = await lab.call('CreateSnapshot', { VolumeId: busy })
    snapshotIds.push(id)
    if (number !== flattenDepth + 1) continue
    await catchFlattening()
    await lab.killDaemon()
    await lab.startDaemon()
  }
  // A layer each for the snapshots and the root is open until the machine goes on in the short chain.
  await until(async () => (await listOpenLayers()).length <= before + flattenDepth)
  await servers.run(server, 'touch /tmp/stop; while [ ! -e /tmp/stopped ]; do sleep 0.1; done')
  expect(await read(disk)).toBe(`state${2 * flattenDepth}`)
  const check = `while read n sum rest; do
    [ "$(sudo dd if=/dev/${disk} bs=64k skip=$n count=1 2>/dev/null | md5sum | cut -d' ' -f1)" = "$sum" ] || echo "lost $n"
    done < /tmp/account; wc -l < /tmp/account`
  await servers.run(server, 'echo 3 | sudo tee /proc/sys/vm/drop_caches')
  expect(Number(await servers.run(server, check))).toBeGreaterThan(2)
  for (const number of [1, flattenDepth + 2, 2 * flattenDepth]) {
    const snapshot = { AvailabilityZone: zone, SnapshotId: snapshotIds[number - 1] ?? '' }
    const { VolumeId: restored = '' } = await lab.call('CreateVolume', snapshot)
    await waitForVolume(restored, 'available')
    expect(await read(await attach(restored, '/dev/sdj'))).toBe(`state${number}`)
    await lab.call('DetachVolume', { VolumeId: restored })
    await waitForVolume(restored, 'available')
    await lab.call('DeleteVolume', { VolumeId: restored })
  }
  await lab.call('DetachVolume', { VolumeId: busy })
  await waitForVolume(busy, 'available')
  await lab.call('DeleteVolume', { VolumeId: busy })
  for (const id of snapshotIds) await lab.call('DeleteSnapshot', { SnapshotId: id })
})

test('an image is taken between two boots of a server unless it is told otherwise', async () => {
  const bootIdOf = async () => await servers.run(server, 'cat /proc/sys/kernel/random/boot_id')
  const before = await bootIdOf()
  const { ImageId: imageId = '' } = await lab.call('CreateImage', { InstanceId: server, Name: 'rested' })
  await waitForImage(imageId)
  await until(async () => (await bootIdOf().catch(() => before)) !== before)
  await deregister(imageId)
})

test('a running server gets its root volume of a snapshot, and of its launch, and keeps its addresses', async () => {
  const { PublicIpAddress: publicIp, PrivateIpAddress: privateIp } = await servers.describe(server)
  const rootOf = async () => (await servers.describe(server)).BlockDeviceMappings?.[0]?.Ebs?.VolumeId ?? ''
  const replace = async (more: { SnapshotId?: string }) => {
    const old = await rootOf()
    const { ReplaceRootVolumeTask: task } = await lab.call('CreateReplaceRootVolumeTask', {
      InstanceId: server,
      ...more,
    })
    const ids = [task?.ReplaceRootVolumeTaskId ?? '']
    // What was asked for is done by whichever daemon is there.
    await lab.killDaemon()
    await lab.startDaemon()
    await until(async () => {
      const { ReplaceRootVolumeTasks: found } = await lab.call('DescribeReplaceRootVolumeTasks', {
        ReplaceRootVolumeTaskIds: ids,
      })
      return found?.[0]?.TaskState === 'succeeded'
    })
    expect(await rootOf()).not.toBe(old)
    await waitForVolume(old, 'available')
    await servers.waitForStage(server, 'ssh')
    await lab.call('DeleteVolume', { VolumeId: old })
  }
  await servers.run(server, 'echo good | sudo tee /etc/kept && sync')
  const { SnapshotId: snapshotId = '' } = await lab.call('CreateSnapshot', { VolumeId: await rootOf() })
  await until(async () => {
    const { Snapshots: snapshots } = await lab.call('DescribeSnapshots', { SnapshotIds: [snapshotId] })
    return snapshots?.[0]?.State === 'completed'
  })
  await servers.run(server, 'echo bad | sudo tee /etc/kept && sync')
  await replace({ SnapshotId: snapshotId })
  expect(await servers.run(server, 'cat /etc/kept')).toBe('good')
  await replace({})
  expect(await servers.run(server, 'ls /etc/kept || true')).toBe('')
  expect(await servers.describe(server)).toMatchObject({ PublicIpAddress: publicIp, PrivateIpAddress: privateIp })
  await lab.call('DeleteSnapshot', { SnapshotId: snapshotId })
})

test('nothing is left of all that when it is deleted', async () => {
  await lab.call('TerminateInstances', { InstanceIds: [server] })
  await servers.waitForState(server, 'terminated')
  await until(async () => ((await lab.call('DescribeVolumes', {})).Volumes ?? []).length === 0)
  expect(await readdir(join(lab.home, 'volumes'))).toEqual([])
  await until(async () => (await readdir(join(lab.home, 'keyring'))).length === 0)
  await until(async () => (await readdir(join(lab.home, 'layers'))).length === 1)
  const { Images: images } = await lab.call('DescribeImages', {})
  expect(images?.map(({ ImageId }) => ImageId)).toEqual([nano])
})

async function deregister(imageId: string): Promise<void> {
  await lab.call('DeregisterImage', { ImageId: imageId, DeleteAssociatedSnapshots: true })
}
