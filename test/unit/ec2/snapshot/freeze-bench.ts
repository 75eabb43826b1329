import { mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { onTestFinished, vi } from 'vitest'
import { writeEmptyQcow2 } from '../../../../src/disk/empty-qcow2.ts'
import { digestFile } from '../../../../src/disk/download.ts'
import { prepareFreeze, secureLayer } from '../../../../src/disk/freeze-file.ts'
import { createDescriptionWriter, type DescriptionWriter } from '../../../../src/ec2/description/description-writer.ts'
import { createEventBus } from '../../../../src/ec2/event/event-bus.ts'
import { createLayerCollector } from '../../../../src/ec2/layer/layer-collector.ts'
import type { DiskHost } from '../../../../src/ec2/ports/disk.ts'
import type { Scope, Store } from '../../../../src/ec2/ports/store.ts'
import { createFreezer, type Freezer } from '../../../../src/ec2/snapshot/freezer.ts'
import { createLayerSealer, type LayerSealer } from '../../../../src/ec2/snapshot/layer-sealer.ts'
import { overlayPathOf, type VolumeRecord } from '../../../../src/ec2/volume/volume.ts'
import { createVolumeDriver, type VolumeDriver } from '../../../../src/ec2/volume/volume-driver.ts'
import { type Clock, systemClock } from '../../../../src/host/clock.ts'
import { ensurePrivateDirectory } from '../../../../src/host/files.ts'
import { type StatePaths, statePathsOf } from '../../../../src/host/state-paths.ts'
import { openStore } from '../../../../src/store/store.ts'

export const gib = 1024 ** 3
const scope = { accountId: '123456789012', region: 'us-east-1' }
const createdAt = '2026-01-01T00:00:00.000Z'

/** What goes wrong for a daemon. */
export interface Faults {
  /** It is killed right after so many transactions: nothing of it goes on. */
  readonly killedAfter?: number
  readonly disks?: Partial<DiskHost>
  readonly descriptions?: Partial<DescriptionWriter>
}

/** What a daemon has for volumes and their layers. */
export interface FreezeDaemon {
  readonly sealer: LayerSealer
  readonly freezer: Freezer
  readonly volumes: VolumeDriver
}

/** A state directory with one volume, real files and a real database, and daemons that follow each other on it. */
export interface FreezeBench {
  readonly store: Store
  readonly paths: StatePaths
  /** Whose everything is. */
  readonly scope: Scope
  readonly volumeId: string
  startDaemon(faults?: Faults): FreezeDaemon
  volume(): VolumeRecord | undefined
  /** Records a snapshot of the volume and the layer that it is to have, as CreateSnapshot does. */
  planSnapshot(name: string): void
  stateOf(name: string): string | undefined
  /** What lies in the volume's directory, but for its description. */
  listOverlays(): Promise<string[]>
  listLayers(): Promise<string[]>
}

export const layerIdOf = (name: string) => `layer-${name}`
export const snapshotIdOf = (name: string) => `snap-${name}`

/** Waits until `check` throws no more. */
export const eventually = async (check: () => unknown) => await vi.waitFor(check, { timeout: 30_000 })

export async function openFreezeBench(): Promise<FreezeBench> {
  const root = await mkdtemp(join(tmpdir(), 'kiln-freeze-'))
  const paths = statePathsOf(root)
  const store = openStore(paths.database)
  onTestFinished(async () => {
    store.close()
    await rm(root, { recursive: true })
  })
  const volumeId = 'vol-1'
  const record: VolumeRecord = {
    ...scope,
    id: volumeId,
    state: 'available',
    availabilityZone: 'us-east-1a',
    sizeGib: 1,
    volumeType: 'gp3',
    createTime: createdAt,
  }
  for (const directory of [paths.layers, paths.images, join(paths.volumes, volumeId)])
    await ensurePrivateDirectory(directory)
  await writeEmptyQcow2(overlayPathOf(paths, record), { sizeBytes: gib })
  store.transaction(() => store.volumes.insert(record))

  return {
    store,
    paths,
    scope,
    volumeId,
    startDaemon: (faults = {}) => wireDaemon(store, paths, faults),
    volume: () => store.volumes.find(volumeId),
    planSnapshot: (name) => {
      store.transaction(() => {
        store.layers.insert({
          ...scope,
          id: layerIdOf(name),
          state: 'pending',
          source: { volumeId, setId: layerIdOf('set') },
          createdAt,
        })
        store.snapshots.insert({
          ...scope,
          id: snapshotIdOf(name),
          layerId: layerIdOf(name),
          state: 'pending',
          description: '',
          volumeId,
          volumeSizeGib: 1,
          startTime: createdAt,
        })
      })
    },
    stateOf: (name) => store.snapshots.find(snapshotIdOf(name))?.state,
    listOverlays: async () =>
      (await readdir(join(paths.volumes, volumeId))).filter((name) => name !== 'volume.yaml').sort(),
    listLayers: async () => (await readdir(paths.layers)).sort(),
  }
}

function wireDaemon(healthyStore: Store, paths: StatePaths, faults: Faults): FreezeDaemon {
  const { store, isDead } = mortal(healthyStore, faults.killedAfter)
  const log = pino({ level: 'silent' })
  const disks = {
    prepareFreeze,
    secureLayer,
    digest: digestFile,
    growVolumeDisk: ({ path, sizeBytes }: { path: string; sizeBytes: number }) => growQcow2(path, sizeBytes),
    ...faults.disks,
  } as DiskHost
  // Whatever is tried again is tried at once, but for the dead.
  const clock: Clock = {
    ...systemClock,
    sleep: () => new Promise((resolve) => setImmediate(() => isDead() || resolve())),
  }
  const descriptions = { ...createDescriptionWriter({ store, paths, log }), ...faults.descriptions }
  const layers = createLayerCollector({ store, paths, log })
  const events = createEventBus({ store, clock })
  const flattener = { look: () => undefined }
  const sealer = createLayerSealer({ store, clock, paths, disks, descriptions, layers, flattener, events, log })
  const freezer = createFreezer({ store, paths, disks, descriptions, sealer, log })
  const volumes = createVolumeDriver({
    store,
    clock,
    paths,
    disks,
    descriptions,
    freezer,
    layers,
    events,
    log,
    wakeInstance: () => undefined,
  })
  return { sealer, freezer, volumes }
}

/** A store whose daemon gets no further once so many transactions are on disk. */
function mortal(store: Store, killedAfter = Number.POSITIVE_INFINITY): { store: Store; isDead: () => boolean } {
  let count = 0
  let depth = 0
  const isDead = () => count >= killedAfter
  const transaction: Store['transaction'] = (work) => {
    if (isDead()) throw new Error('killed')
    depth++
    const answer = store.transaction(work)
    depth--
    if (depth === 0) count++
    if (isDead()) throw new Error('killed')
    return answer
  }
  return { store: { ...store, transaction }, isDead }
}

/** As `qemu-img resize` does to one whose tables suffice: the virtual size is a field of the header. */
async function growQcow2(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const field = Buffer.alloc(8)
    field.writeBigUInt64BE(BigInt(sizeBytes))
    await file.write(field, 0, field.length, 24)
  } finally {
    await file.close()
  }
}
