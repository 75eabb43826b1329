import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isProcessAlive } from '../../src/host/process-table.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'

let lab: Lab
let servers: Servers
let first: string
let second: string

beforeAll(async () => {
  lab = await openLab(labUser)
  await lab.startDaemon()
  const image = await provideImage(lab, 'nano')
  servers = await prepareServers(lab)
  ;[first = '', second = ''] = await servers.launch(image, { MinCount: 2, MaxCount: 2 })
  await Promise.all([servers.waitForStage(first, 'ssh'), servers.waitForStage(second, 'ssh')])
})
afterAll(async () => {
  await lab.close()
})

async function qemuPidOf(id: string): Promise<number> {
  const { QemuPid: pid } = await lab.call('KilnDescribeInstance', { InstanceId: id })
  if (pid === undefined) throw new Error(`${id} has no machine`)
  return pid
}

const processFileOf = (id: string) => join(lab.home, 'machines', id, 'process.json')

async function readProcess(id: string): Promise<{ pid: number; startTicks: number; bootId: string }> {
  return JSON.parse(await readFile(processFileOf(id), 'utf8')) as { pid: number; startTicks: number; bootId: string }
}

async function statusOf(id: string): Promise<string | undefined> {
  const { InstanceStatuses: statuses } = await lab.call('DescribeInstanceStatus', { InstanceIds: [id] })
  return statuses?.[0]?.SystemStatus?.Status
}

test('takes over a machine that does not answer, and hears of it again when it does', async () => {
  const pid = await qemuPidOf(first)
  await lab.killDaemon()
  process.kill(pid, 'SIGSTOP')
  try {
    await lab.startDaemon()
    expect((await servers.describe(first)).State?.Name).toBe('running')
    expect(await qemuPidOf(first)).toBe(pid)
    await until(async () => (await statusOf(first)) === 'impaired')
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  await until(async () => (await statusOf(first)) === 'ok')
  expect(await servers.run(first, 'echo alive')).toContain('alive')
})

test('follows a reboot that a guest does by itself, on the same machine', async () => {
  const pid = await qemuPidOf(first)
  const bootId = await servers.run(first, 'cat /proc/sys/kernel/random/boot_id')
  await servers.run(first, 'sudo reboot').catch(() => undefined)
  await until(async () => {
    const seen = await servers.run(first, 'cat /proc/sys/kernel/random/boot_id').catch(() => bootId)
    return seen !== bootId
  })
  expect((await servers.describe(first)).State?.Name).toBe('running')
  expect(await qemuPidOf(first)).toBe(pid)
})

test('reports a machine that was killed, with its reason, and starts it again when asked', async () => {
  process.kill(await qemuPidOf(first), 'SIGKILL')
  await servers.waitForState(first, 'stopped')
  expect((await servers.describe(first)).StateReason?.Message).toContain('QEMU ended unexpectedly')
  const { Events: events } = await lab.call('KilnDescribeEvents', {})
  expect(events.filter(({ Kind, ResourceId }) => Kind === 'instance-problem' && ResourceId === first)).toHaveLength(1)
  await lab.call('StartInstances', { InstanceIds: [first] })
  await servers.waitForStage(first, 'ssh')
})

test('reports a machine that ended while no daemon was there', async () => {
  const pid = await qemuPidOf(first)
  await lab.killDaemon()
  process.kill(pid, 'SIGKILL')
  await lab.startDaemon()
  await servers.waitForState(first, 'stopped')
  expect((await servers.describe(first)).StateReason?.Message).toContain('ended while no daemon was running')
})

test('goes on with a reboot that the daemon was killed in between two machines', async () => {
  await lab.call('StartInstances', { InstanceIds: [first] })
  await servers.waitForStage(first, 'ssh')
  const recorded = await readProcess(first)
  await lab.killDaemon()
  process.kill(recorded.pid, 'SIGKILL')
  await until(async () => !(await isProcessAlive(recorded)))
  // As the record is when the machine that was asked to reboot has ended and the next one is about to be executed.
  const database = new Database(join(lab.home, 'kiln.db'))
  const renewed = "json_set(json_remove(document, '$.boot.consoleStart'), '$.boot.stages', json('{}'))"
  database.prepare(`UPDATE instance SET document = ${renewed} WHERE id = ?`).run(first)
  database.close()
  await lab.startDaemon()
  await servers.waitForStage(first, 'ssh')
  expect((await servers.describe(first)).State?.Name).toBe('running')
})

test('after a reboot of the host starts what ran, but for what was told not to', async () => {
  await servers.run(second, 'sudo sh -c "echo kept >/root/note; sync"')
  const { ImageId: image = '' } = await servers.describe(first)
  const [third = ''] = await servers.launch(image, { MaintenanceOptions: { AutoRecovery: 'disabled' } })
  await servers.waitForState(third, 'running')
  const all = [first, second, third]
  const before = await Promise.all(all.map(readProcess))
  await lab.killDaemon()
  // What a reboot leaves: no process, and files that name another boot.
  for (const recorded of before) {
    process.kill(recorded.pid, 'SIGKILL')
    await until(async () => !(await isProcessAlive(recorded)))
  }
  for (const [index, id] of all.entries()) {
    const bootId = '00000000-0000-4000-8000-000000000000'
    await writeFile(processFileOf(id), JSON.stringify({ ...before[index], bootId }))
  }
  await lab.startDaemon()
  await servers.waitForState(third, 'stopped')
  expect((await servers.describe(third)).StateReason?.Message).toContain('the host was rebooted')
  await Promise.all([servers.waitForStage(first, 'ssh'), servers.waitForStage(second, 'ssh')])
  expect(await servers.run(second, 'sudo cat /root/note')).toContain('kept')
})

test('leaves nothing of a launch that cannot be done', async () => {
  const { ImageId: image = '' } = await servers.describe(first)
  const layers = join(lab.home, 'layers')
  const [layer = ''] = await readdir(layers)
  const volumes = (await readdir(join(lab.home, 'volumes'))).sort()
  await rename(join(layers, layer), join(lab.home, 'away'))
  try {
    const [doomed = ''] = await servers.launch(image)
    await servers.waitForState(doomed, 'terminated')
    expect((await servers.describe(doomed)).StateReason?.Code).toBe('Server.InternalError')
    expect((await readdir(join(lab.home, 'volumes'))).sort()).toEqual(volumes)
  } finally {
    await rename(join(lab.home, 'away'), join(layers, layer))
  }
})

test('finds images and volumes again when the database is lost', async () => {
  const { ImageId: image = '' } = await servers.describe(first)
  const [keeper = ''] = await servers.launch(image, {
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: false } }],
  })
  await servers.waitForStage(keeper, 'ssh')
  const volumes = await lab.call('DescribeVolumes', {
    Filters: [{ Name: 'attachment.instance-id', Values: [keeper] }],
  })
  const volumeId = volumes.Volumes?.[0]?.VolumeId
  await lab.call('TerminateInstances', { InstanceIds: [keeper] })
  await servers.waitForState(keeper, 'terminated')
  await lab.killDaemon()
  for (const suffix of ['', '-wal', '-shm']) await rm(join(lab.home, `kiln.db${suffix}`), { force: true })
  await lab.startDaemon()
  const { Images: images } = await lab.call('DescribeImages', { ImageIds: [image] })
  expect(images?.[0]?.Name).toBe('nano')
  const { Volumes: found = [] } = await lab.call('DescribeVolumes', {})
  expect(found.find(({ VolumeId }) => VolumeId === volumeId)?.State).toBe('available')
  expect(await readdir(join(lab.home, 'volumes'))).toContain(volumeId)
  const again = await prepareServers(lab)
  const [server = ''] = await again.launch(image)
  await again.waitForStage(server, 'ssh')
})
