import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { leakCluster } from '../integration/disk/leaks.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'
import { provideCountingImage } from './storage-faults/counting-image.ts'

let lab: Lab
let imageId: string

beforeAll(async () => {
  lab = await openLab(labUser)
  await lab.startDaemon()
  ;({ imageId } = await provideCountingImage(lab))
})
afterAll(async () => {
  expect(await lab.close()).toEqual([])
})

async function describeInstance(id: string) {
  return (await lab.call('DescribeInstances', { InstanceIds: [id] })).Reservations?.[0]?.Instances?.[0]
}

async function launch(): Promise<{ id: string; volumeId: string }> {
  const { Instances: [launched] = [] } = await lab.call('RunInstances', {
    ImageId: imageId,
    InstanceType: 't3.nano',
    MinCount: 1,
    MaxCount: 1,
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: false } }],
  })
  const id = launched?.InstanceId ?? ''
  await until(async () => (await describeInstance(id))?.State?.Name === 'running')
  const volumeId = (await describeInstance(id))?.BlockDeviceMappings?.[0]?.Ebs?.VolumeId ?? ''
  return { id, volumeId }
}

/** Kills daemon and QEMU while that is taking a cluster for its disk, and starts the daemon again. */
async function crashWithLoss({ id, volumeId }: { id: string; volumeId: string }): Promise<void> {
  await lab.killDaemon()
  const { pid } = JSON.parse(await readFile(join(lab.home, 'machines', id, 'process.json'), 'utf8')) as { pid: number }
  process.kill(pid, 'SIGKILL')
  // Until QEMU is gone its lock is there.
  await until(async () => [0, 3].includes((await checkOf(volumeId)) ?? 1))
  const [overlay = ''] = await overlaysOf(volumeId)
  await leakCluster(join(lab.home, 'volumes', volumeId, overlay))
  expect(await checkOf(volumeId)).toBe(3)
  await lab.startDaemon()
}

const overlaysOf = async (volumeId: string) =>
  (await readdir(join(lab.home, 'volumes', volumeId))).filter((name) => name.endsWith('.qcow2'))

/** What qemu-img(1) makes of the volume's file: 0 when it is whole, 3 when room is lost; undefined when not all is as it may be. */
async function checkOf(volumeId: string): Promise<number | undefined> {
  const [overlay = ''] = await overlaysOf(volumeId)
  return await check(join(lab.home, 'volumes', volumeId, overlay))
}
const check = async (path: string) =>
  (await execa('qemu-img', ['check', '-q', '-f', 'qcow2', path], { reject: false })).exitCode

test('a snapshot of a disk whose machine was killed has nothing of the room that it had lost', async () => {
  const server = await launch()
  await crashWithLoss(server)
  await until(async () => (await describeInstance(server.id))?.State?.Name === 'stopped')
  const before = new Set(await readdir(join(lab.home, 'layers')))
  const { SnapshotId: snapshotId = '' } = await lab.call('CreateSnapshot', { VolumeId: server.volumeId })
  await until(async () => {
    const { Snapshots: [snapshot] = [] } = await lab.call('DescribeSnapshots', { SnapshotIds: [snapshotId] })
    return snapshot?.State === 'completed'
  })
  const [layer = ''] = (await readdir(join(lab.home, 'layers'))).filter((name) => !before.has(name))
  expect(await check(join(lab.home, 'layers', layer, 'disk.qcow2'))).toBe(0)
  await lab.call('TerminateInstances', { InstanceIds: [server.id] })
})

test('a disk that outlives its killed machine is whole for the next one', async () => {
  const server = await launch()
  await crashWithLoss(server)
  await lab.call('TerminateInstances', { InstanceIds: [server.id] })
  await until(async () => (await describeInstance(server.id))?.State?.Name === 'terminated')
  expect(await checkOf(server.volumeId)).toBe(0)
})
