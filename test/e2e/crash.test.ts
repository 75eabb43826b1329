import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { findProcesses } from '../../src/host/process-table.ts'
import { createBusyUser } from './busy-user.ts'
import { writeIdleDisk } from './idle-disk.ts'
import { provideImage, waitForImage } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'
import { createRandom } from './random.ts'
import { prepareServers, type Servers } from './servers.ts'

/** `npm run test:faults` kills more often. */
const rounds = process.env['KILN_FAULT_ROUNDS'] === undefined ? 20 : 50
/** Rounds after which everything may come to rest and the whole state directory is looked at. */
const roundsBetweenRests = 10

let lab: Lab
let servers: Servers
/** A server that nobody touches. */
let bystander: string
let bystanderPid: number | undefined
let idleImage: string
let zone: string

beforeAll(async () => {
  lab = await openLab(labUser, {
    // A machine that has halted hears no power button. One that reboots, or whose volume outlives it, is asked to go down first.
    configuration: 'machines: { stopTimeoutSeconds: 5, rebootTimeoutSeconds: 5 }\n',
  })
  await lab.startDaemon()
  const nano = await provideImage(lab, 'nano')
  servers = await prepareServers(lab)
  ;[bystander = ''] = await servers.launch(nano)
  idleImage = await importIdleImage()
  await servers.waitForStage(bystander, 'ssh')
  zone = (await servers.describe(bystander)).Placement?.AvailabilityZone ?? ''
  bystanderPid = (await lab.call('KilnDescribeInstance', { InstanceId: bystander })).QemuPid
})
afterAll(async () => {
  // Machines that have halted hear no power button: closing the lab would wait for each.
  const ids = [...(await listStates())].filter(([, state]) => state !== 'terminated').map(([id]) => id)
  await lab.call('TerminateInstances', { InstanceIds: ids })
  await waitForRest()
  await lab.close()
})

async function importIdleImage(): Promise<string> {
  const path = join(lab.home, 'idle.raw')
  await writeIdleDisk(path)
  const { TaskId: taskId } = await lab.call('KilnImportImage', { Source: path, Name: 'idle' })
  return await waitForImage(lab, taskId)
}

interface Qemu {
  readonly pid: number
  readonly instanceId: string
}

async function listQemus(): Promise<Qemu[]> {
  const prefix = join(lab.home, 'machines')
  const found = await findProcesses((argv) => (argv[0] ?? '').includes('qemu-system-'))
  return found.flatMap(({ pid, argv }) => {
    const pidFile = argv[argv.indexOf('-pidfile') + 1] ?? ''
    return pidFile.startsWith(`${prefix}/`) ? [{ pid, instanceId: pidFile.split('/').at(-2) ?? '' }] : []
  })
}

async function listStates(): Promise<Map<string, string>> {
  const { Reservations: reservations = [] } = await lab.call('DescribeInstances', {})
  const instances = reservations.flatMap(({ Instances: all = [] }) => all)
  return new Map(instances.map(({ InstanceId: id = '', State: state }) => [id, state?.Name ?? '']))
}

/** Nothing is under way any more. */
async function waitForRest(): Promise<void> {
  const passing = new Set(['pending', 'stopping', 'shutting-down'])
  await vi.waitFor(
    async () => {
      const { Volumes: volumes = [] } = await lab.call('DescribeVolumes', {})
      const { Snapshots: snapshots = [] } = await lab.call('DescribeSnapshots', {})
      const isSettled = ({ State: state, Attachments: [attachment] = [] }: (typeof volumes)[number]) =>
        ['available', 'in-use'].includes(state ?? '') && (attachment?.State ?? 'attached') === 'attached'
      expect([...(await listStates())].filter(([, state]) => passing.has(state))).toEqual([])
      expect(volumes.filter((volume) => !isSettled(volume))).toEqual([])
      expect(snapshots.filter(({ State: state }) => state !== 'completed')).toEqual([])
    },
    { timeout: 400_000, interval: 200 },
  )
  await until(
    async () => ((await lab.call('KilnGetStatus', {})).InstanceCounts['running'] ?? 0) === (await listQemus()).length,
  )
}

/** What is on the disk and in the process table, beside what the records say should be there. */
async function expectNothingUnowned(): Promise<void> {
  const states = await listStates()
  const running = [...states].filter(([, state]) => state === 'running').map(([id]) => id)
  expect((await listQemus()).map(({ instanceId }) => instanceId).sort()).toEqual(running.sort())
  const { Volumes: volumes = [] } = await lab.call('DescribeVolumes', {})
  expect((await readdir(join(lab.home, 'volumes'))).sort()).toEqual(
    volumes.map(({ VolumeId }) => VolumeId ?? '').sort(),
  )
  const machines = await readdir(join(lab.home, 'machines'))
  expect(machines.filter((name) => !states.has(name))).toEqual([])
  // A layer that nothing needs any more goes in the background.
  await vi.waitFor(expectChainsWhole, { timeout: 400_000, interval: 500 })
  expect(await readdir(join(lab.home, 'staging'))).toEqual([])
  const networks = await readdir(join(lab.home, 'networks'))
  const [vpcId = '', ...others] = networks.filter((name) => name !== 'common')
  expect(others).toEqual([])
  const own = join(lab.home, 'networks', vpcId)
  const ofNetwork = await findProcesses((argv) => argv.some((word) => word.includes(own)))
  const programs = ofNetwork.map(({ argv }) => (argv[0] ?? '').replace(/\.avx2$/, '')).sort()
  // Egress needs a way out of the host itself; without one there is no pasta.
  expect(['dnsmasq,pasta,tail', 'dnsmasq,tail']).toContain(programs.join(','))
  expect(await countTaps(ofNetwork)).toBe(running.length)
}

const soundLayers = new Set<string>()

/** Each volume has one file, each chain is there and sound, and each layer is part of one or a snapshot's. */
async function expectChainsWhole(): Promise<void> {
  const { Snapshots: snapshots = [] } = await lab.call('DescribeSnapshots', {})
  const reached = new Set<string>()
  const follow = async (path: string) => {
    const { stdout } = await execa('qemu-img', ['info', '-U', '--backing-chain', '--output=json', path])
    for (const { filename } of JSON.parse(stdout) as { filename: string }[]) reached.add(filename)
  }
  for (const name of await readdir(join(lab.home, 'volumes'))) {
    const files = (await readdir(join(lab.home, 'volumes', name))).sort()
    expect(files).toEqual([expect.stringMatching(/\.qcow2$/), 'volume.yaml'])
    await follow(join(lab.home, 'volumes', name, files[0] ?? ''))
  }
  const layers = await readdir(join(lab.home, 'layers'))
  for (const name of layers) {
    const description = await readFile(join(lab.home, 'layers', name, 'layer.yaml'), 'utf8')
    const pathOf = (layer: string) => join(lab.home, 'layers', layer, 'disk.qcow2')
    const path = pathOf(name)
    if (snapshots.some(({ SnapshotId: id = '' }) => description.includes(id))) await follow(path)
    // What a flattened layer stood on is kept for a minute longer: somebody may be opening the chain.
    const formerParent = /^ +formerParentId: (\S+)$/m.exec(description)?.[1]
    if (formerParent !== undefined) await follow(pathOf(formerParent))
    // A layer never changes.
    if (soundLayers.has(name)) continue
    await execa('qemu-img', ['check', '-q', '-f', 'qcow2', path])
    soundLayers.add(name)
  }
  expect(layers.filter((name) => !reached.has(join(lab.home, 'layers', name, 'disk.qcow2')))).toEqual([])
}

async function countTaps(ofNetwork: readonly { pid: number; argv: readonly string[] }[]): Promise<number> {
  const holder = ofNetwork.find(({ argv }) => argv[0] === 'tail')
  const enter = ['-t', String(holder?.pid), '-U', '-n', '--preserve-credentials', '--']
  const { stdout } = await execa('nsenter', [...enter, 'ip', '-o', 'link', 'show'])
  return stdout.split('\n').filter((line) => /^\d+: eni/.test(line)).length
}

test(`loses and leaves nothing when the daemon is killed at ${rounds} moments of busy work`, async () => {
  const random = createRandom(process.env['KILN_TEST_SEED'])
  console.log(`the moments and the work come from KILN_TEST_SEED=${random.seed}`)
  const user = createBusyUser({ lab, random, imageId: idleImage, groupId: servers.groupId, zone, keep: bystander })
  for (let round = 1; round <= rounds; round++) {
    const work = user.work()
    await random.sleep(50, 1200)
    await lab.killDaemon()
    await work.stop()
    await lab.startDaemon()
    await user.expectAcknowledged()
    const qemus = await listQemus()
    expect(new Set(qemus.map(({ instanceId }) => instanceId)).size).toBe(qemus.length)
    expect(qemus.find(({ instanceId }) => instanceId === bystander)?.pid).toBe(bystanderPid)
    if (round % roundsBetweenRests !== 0) continue
    await waitForRest()
    await expectNothingUnowned()
    await user.expectAcknowledged()
  }
  expect(user.acknowledgedCount).toBeGreaterThan(rounds)
  expect(await servers.run(bystander, 'echo untouched')).toContain('untouched')
}, 1_200_000)
