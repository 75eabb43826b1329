import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { overlayNameOf, type VolumeRecord } from '../../src/ec2/volume/volume.ts'
import { findProcesses } from '../../src/host/process-table.ts'
import { type DockerRegistry, startDockerRegistry } from '../integration/oci/docker-registry.ts'
import { type Lab, openLab, labUser } from './lab.ts'
import { createRandom } from './random.ts'
import { imageArguments, type Key, readCount } from './storage-faults/counting-disk.ts'
import { provideCountingImage } from './storage-faults/counting-image.ts'
import { writeFaultReport } from './storage-faults/fault-report.ts'
import { createStorageUser, layerFileOf, otherKey, type StorageUser } from './storage-faults/storage-user.ts'

// `npm run test:faults` kills at two hundred moments and writes docs/reliability.md; here it is a few, so that nothing is broken unseen.
const rounds = Number(process.env['KILN_FAULT_ROUNDS'] ?? 6)
/** Rounds after which everything may come to rest and the whole state directory is looked at. */
const roundsBetweenRests = rounds > 50 ? 10 : 3

let lab: Lab
let registry: DockerRegistry
let user: StorageUser
const random = createRandom(process.env['KILN_TEST_SEED'])
const kills = { daemon: 0, qemu: 0, both: 0 }
const looks = { contents: 0, checks: 0, pushed: 0 }

beforeAll(async () => {
  lab = await openLab(labUser, {
    configuration: `storage: { flattenDepth: 2 }\nmachines: { stopTimeoutSeconds: 5 }\nencryption: { keys: [${otherKey}] }\n`,
  })
  registry = await startDockerRegistry()
  await lab.startDaemon()
  const { imageId, importSource } = await provideCountingImage(lab)
  user = createStorageUser({ lab, random, imageId, importSource, registry: registry.host })
})
afterAll(async () => {
  await lab.close()
  await registry.close()
})

/** Ends a machine as a crash of QEMU would. */
async function killSomeQemu(): Promise<void> {
  const qemus = await findProcesses(
    (argv) => (argv[0] ?? '').includes('qemu-system-') && argv.join(' ').includes(join(lab.home, 'machines')),
  )
  const victim = random.pick(qemus)
  if (!victim) return
  try {
    process.kill(victim.pid, 'SIGKILL')
  } catch (error) {
    // It has just ended by itself.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** What the daemon has recorded of a snapshot. */
interface SnapshotFiles {
  readonly id: string
  readonly layerId: string
  /** Of one that was restored for a time. */
  readonly archiveLayerId?: string
  readonly encryptionKeyId?: string
}

const keyOf = (id: string): Key => ({ id, path: join(lab.home, 'keyring', id) })

function readRecords<R>(table: 'snapshot' | 'layer' | 'volume'): R[] {
  const database = new Database(join(lab.home, 'kiln.db'), { readonly: true })
  try {
    const rows = database.prepare<[], { document: string }>(`SELECT document FROM ${table}`).all()
    return rows.map(({ document }) => JSON.parse(document) as R)
  } finally {
    database.close()
  }
}

const readSnapshots = () => readRecords<SnapshotFiles>('snapshot')

/** A layer whose chain is being made shorter, or has been within a minute. */
interface FlatteningLayer {
  readonly id: string
  readonly flattening: { readonly state: 'making' | 'made' | 'replaced'; readonly formerParentId: string }
}

const readFlattening = () =>
  readRecords<Partial<FlatteningLayer>>('layer').filter(
    (layer): layer is FlatteningLayer => layer.flattening !== undefined,
  )

const flattened = new Set<string>()
const flattening = { done: 0, brokenOff: 0 }

function countFlattened(): void {
  for (const { id, flattening: how } of readFlattening()) {
    const key = `${id} from ${how.formerParentId}`
    if (how.state !== 'replaced' || flattened.has(key)) continue
    flattened.add(key)
    flattening.done++
  }
}

/** What the daemon was killed in the midst of, as its records tell before the next one reads them. */
function countBrokenFlattening(): void {
  countFlattened()
  flattening.brokenOff += readFlattening().filter(({ flattening: { state } }) => state !== 'replaced').length
}

/** What was acknowledged is there, what was deleted is not, and what is under way comes to its end. */
async function expectAcknowledged(): Promise<void> {
  await vi.waitFor(
    async () => {
      const { Snapshots: snapshots = [] } = await lab.call('DescribeSnapshots', { OwnerIds: ['self'] })
      const { Images: images = [] } = await lab.call('DescribeImages', { Owners: ['self'] })
      const states = new Map<string | undefined, string | undefined>([
        ...snapshots.map(({ SnapshotId, State }) => [SnapshotId, State] as const),
        ...images.map(({ ImageId, State }) => [ImageId, State] as const),
      ])
      for (const known of user.disks.values()) {
        const state = states.get(known.id)
        if (known.isDoubtful && state === undefined) known.isDeleted = true
        known.isDoubtful = false
        const expected = known.kind === 'snapshot' ? 'completed' : 'available'
        expect([known.id, state]).toEqual([known.id, known.isDeleted ? undefined : expected])
      }
      expect([...states.values()].filter((state) => state === 'pending' || state === 'error')).toEqual([])
      const { SnapshotTierStatuses: tiers = [] } = await lab.call('DescribeSnapshotTierStatus', {})
      const statuses = tiers.flatMap(({ LastTieringOperationStatus: status }) => status ?? [])
      expect(statuses.filter((status) => !status.endsWith('-completed'))).toEqual([])
    },
    { timeout: 400_000, interval: 100 },
  )
}

const contents = new Map<string, Buffer>()
const checked = new Set<string>()

/** Each snapshot holds what was on its disk at one instant, and the same as when it was looked at before. */
async function expectContentsWhole(): Promise<void> {
  for (const { id: snapshotId, layerId, encryptionKeyId: keyId } of readSnapshots()) {
    const path = layerFileOf(lab.home, layerId)
    const { ino, mtimeMs } = await stat(path)
    const key = keyId === undefined ? undefined : keyOf(keyId)
    const { bytes } = await readCount(path, key)
    const before = contents.get(snapshotId)
    expect(before === undefined || bytes.equals(before), `${snapshotId} is what it was`).toBe(true)
    contents.set(snapshotId, bytes)
    looks.contents++
    const version = `${path} ${ino} ${mtimeMs}`
    if (checked.has(version)) continue
    await expectWholeFile(path, key)
    checked.add(version)
  }
}

/** Nothing of a qcow2 is damaged, and no room in it is lost: a killed QEMU leaves clusters that it had taken and not used. */
async function expectWholeFile(path: string, key: Key | undefined): Promise<void> {
  const check = await execa('qemu-img', ['check', '-q', '-U', ...imageArguments(path, key)], { reject: false })
  expect(check.exitCode, `${path}: ${check.stdout}${check.stderr}`).toBe(0)
  looks.checks++
}

/** The disks of servers that have ended, whoever ended them. */
async function expectIdleDisksWhole(): Promise<void> {
  const stopped = { Filters: [{ Name: 'instance-state-name', Values: ['stopped'] }] }
  const { Reservations: reservations = [] } = await lab.call('DescribeInstances', stopped)
  const ids = reservations.flatMap(({ Instances: all = [] }) => all.map(({ InstanceId: id = '' }) => id))
  for (const volume of readRecords<VolumeRecord>('volume')) {
    if (!ids.includes(volume.attachment?.instanceId ?? '')) continue
    const { encryptionKeyId: keyId } = volume
    const path = join(lab.home, 'volumes', volume.id, overlayNameOf(volume))
    await expectWholeFile(path, keyId === undefined ? undefined : keyOf(keyId))
  }
}

/** No file that no record owns, no record without its file. */
async function expectNothingUnowned(): Promise<void> {
  await vi.waitFor(
    async () => {
      const { Volumes: volumes = [] } = await lab.call('DescribeVolumes', {})
      const owned = volumes.map(({ VolumeId: id = '' }) => id).sort()
      expect((await readdir(join(lab.home, 'volumes'))).sort()).toEqual(owned)
      const reached = new Set<string>()
      const snapshots = readSnapshots()
      const tops = snapshots
        .flatMap(({ layerId, archiveLayerId }) =>
          archiveLayerId === undefined ? [layerId] : [layerId, archiveLayerId],
        )
        // Both stay a minute, for machines that are just opening the old chain.
        .concat(readFlattening().flatMap((layer) => [layer.id, layer.flattening.formerParentId]))
        .map((layerId) => layerFileOf(lab.home, layerId))
      for (const id of owned) {
        const files = (await readdir(join(lab.home, 'volumes', id))).filter((name) => name !== 'volume.yaml')
        expect(files).toHaveLength(1)
        tops.push(join(lab.home, 'volumes', id, files[0] ?? ''))
      }
      for (const top of tops) {
        const { stdout } = await execa('qemu-img', ['info', '-U', '--backing-chain', '--output=json', top])
        for (const { filename } of JSON.parse(stdout) as { filename: string }[]) reached.add(filename)
      }
      const layers = (await readdir(join(lab.home, 'layers'))).sort()
      expect(layers.filter((name) => !reached.has(layerFileOf(lab.home, name)))).toEqual([])
      for (const name of layers) {
        expect((await readdir(join(lab.home, 'layers', name))).sort()).toEqual(['disk.qcow2', 'layer.yaml'])
      }
      expect(await readdir(join(lab.home, 'staging'))).toEqual([])
      const keys = await readdir(join(lab.home, 'keyring')).catch((): string[] => [])
      expect(keys.sort()).toEqual(
        [...new Set(snapshots.flatMap(({ encryptionKeyId }) => encryptionKeyId ?? []))].sort(),
      )
    },
    { timeout: 400_000, interval: 500 },
  )
}

/** What is in the registry under a name is there to its last byte. */
async function expectPushedWhole(): Promise<void> {
  const url = `http://${registry.host}/v2/faults`
  const ask = async (path: string, method = 'GET') =>
    await fetch(`${url}/${path}`, { method, headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } })
  const listed = (await (await ask('tags/list')).json()) as { tags?: string[] | null }
  for (const tag of listed.tags ?? []) {
    const manifest = (await (await ask(`manifests/${tag}`)).json()) as {
      config: { digest: string; size: number }
      layers: { digest: string; size: number }[]
    }
    for (const { digest, size } of [manifest.config, ...manifest.layers]) {
      const { status, headers } = await ask(`blobs/${digest}`, 'HEAD')
      expect([status, Number(headers.get('content-length'))]).toEqual([200, size])
    }
    looks.pushed++
  }
}

test(`loses nothing of its disks when daemon and QEMU are killed at ${rounds} moments`, async () => {
  console.log(`the moments and the work come from KILN_TEST_SEED=${random.seed}`)
  for (let round = 1; round <= rounds; round++) {
    const work = user.work()
    await random.sleep(50, 1200)
    const victim = random.pick(['daemon', 'daemon', 'qemu', 'both'] as const) ?? 'daemon'
    kills[victim]++
    if (victim !== 'daemon') await killSomeQemu()
    if (victim !== 'qemu') await lab.killDaemon()
    await work.stop()
    if (victim !== 'qemu') {
      countBrokenFlattening()
      await lab.startDaemon()
    }
    await expectAcknowledged()
    countFlattened()
    await expectContentsWhole()
    await expectIdleDisksWhole()
    if (round % roundsBetweenRests !== 0) continue
    await user.deleteUnknown()
    await expectNothingUnowned()
  }
  await expectPushedWhole()
  expect(user.disks.size).toBeGreaterThan(rounds / 2)
  const counts = new Map([...user.counts, ['flatten', flattening] as const])
  await writeFaultReport({ rounds, kills, looks, counts, seed: random.seed })
}, 7_200_000)
