import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pino from 'pino'
import { expect, onTestFinished, test, vi } from 'vitest'
import { writeEmptyQcow2 } from '../../../src/disk/empty-qcow2.ts'
import { createDescriptionWriter, type DescriptionWriter } from '../../../src/ec2/description/description-writer.ts'
import { recoverRecords } from '../../../src/ec2/description/recovery.ts'
import { chainOf } from '../../../src/ec2/layer/layer-chain.ts'
import { createLayerCollector } from '../../../src/ec2/layer/layer-collector.ts'
import { createLayerFlattener, type LayerFlattener } from '../../../src/ec2/layer/layer-flattener.ts'
import type { DiskHost } from '../../../src/ec2/ports/disk.ts'
import type { Store } from '../../../src/ec2/ports/store.ts'
import { layerPathOf } from '../../../src/ec2/volume/volume.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { type StatePaths, statePathsOf } from '../../../src/host/state-paths.ts'
import { openStore } from '../../../src/store/store.ts'
import { createDiskLab, type DiskLab, mib } from './disk-lab.ts'

const scope = { accountId: '123456789012', region: 'us-east-1' }
const createdAt = '2026-01-01T00:00:00.000Z'
const log = pino({ level: 'silent' })
const maximumDepth = 2
/** The highest is one too high; snapshots name it and the root. */
const names = ['layer-root', 'layer-middle', 'layer-top'] as const
const top = 'layer-top'

/** A state directory with a chain of layers that have data of their own, and daemons that follow each other on it. */
interface Bench {
  readonly lab: DiskLab
  readonly store: Store
  readonly paths: StatePaths
  startDaemon(faults?: Faults): LayerFlattener
  /** What a guest would read of the highest layer. */
  content(): Promise<string>
}

interface Faults {
  readonly disks?: Partial<DiskHost>
  readonly descriptions?: Partial<DescriptionWriter>
  readonly onShortened?: (volumeIds: readonly string[]) => void
}

async function openBench(): Promise<Bench> {
  const lab = await createDiskLab()
  const paths = statePathsOf(lab.directory)
  for (const directory of [paths.layers, paths.images, paths.volumes]) await mkdir(directory)
  const store = openStore(paths.database)
  onTestFinished(() => store.close())
  const descriptions = createDescriptionWriter({ store, paths, log })
  for (const [index, id] of names.entries()) {
    const parentId = names[index - 1]
    await mkdir(join(paths.layers, id))
    const backing = parentId === undefined ? {} : { backingPath: layerPathOf(paths, parentId) }
    await writeEmptyQcow2(layerPathOf(paths, id), { sizeBytes: (8 + index) * mib, ...backing })
    const writes = [`write -P ${index + 1} ${index}M 2M`, `write -P ${index + 17} ${5 + index}M 64k`]
    if (id === top) writes.push('write -z 1M 256k')
    await lab.run('qemu-io', '-f', 'qcow2', ...writes.flatMap((write) => ['-c', write]), layerPathOf(paths, id))
    const { path, fileSizeBytes, virtualSizeBytes } = await lab.disks.secureLayer(join(paths.layers, id))
    const sha256 = await lab.disks.digest(path, 'sha256')
    const parent = parentId === undefined ? {} : { parentId }
    const own = { sha256, fileSizeBytes, virtualSizeBytes, ...parent, createdAt }
    store.transaction(() => {
      store.layers.insert({ ...scope, id, state: 'available', ...own })
      if (id === top || parentId === undefined) addSnapshot(store, id)
    })
    await descriptions.describeLayer(id)
  }
  return {
    lab,
    store,
    paths,
    content: async () => {
      await lab.run('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', layerPathOf(paths, top), lab.path('raw'))
      return (await readFile(lab.path('raw'))).toString('base64')
    },
    startDaemon: (faults = {}) => {
      const layers = createLayerCollector({ store, paths, log })
      return createLayerFlattener({
        store,
        // Nobody has just opened a chain, and what has failed is tried again at once.
        clock: { ...systemClock, sleep: () => Promise.resolve() },
        paths,
        disks: { ...lab.disks, ...faults.disks },
        descriptions: { ...createDescriptionWriter({ store, paths, log }), ...faults.descriptions },
        layers,
        log,
        maximumDepth,
        onShortened: faults.onShortened ?? (() => undefined),
      })
    },
  }
}

function addSnapshot(store: Store, layerId: string): void {
  store.snapshots.insert({
    ...scope,
    id: layerId.replace('layer', 'snap'),
    layerId,
    state: 'completed',
    description: '',
    volumeId: 'vol-ffffffff',
    volumeSizeGib: 1,
    startTime: createdAt,
  })
}

const digestOf = ({ lab, paths }: Pick<Bench, 'lab' | 'paths'>) => lab.disks.digest(layerPathOf(paths, top), 'sha256')

async function expectFlat({ lab, store, paths }: Bench): Promise<void> {
  await vi.waitFor(() => expect(store.layers.find(top)?.flattening).toBeUndefined(), { timeout: 300_000 })
  await vi.waitFor(() => expect(store.layers.listIds()).toEqual(['layer-root', top]), { timeout: 300_000 })
  expect(chainOf(store, top).map(({ id }) => id)).toEqual([top, 'layer-root'])
  expect(await lab.disks.readBackingPath(layerPathOf(paths, top))).toBe(layerPathOf(paths, 'layer-root'))
  const layer = store.layers.find(top)
  expect(await digestOf({ lab, paths })).toBe(layer?.sha256)
  expect((await readdir(join(paths.layers, top))).sort()).toEqual(['disk.qcow2', 'layer.yaml'])
  expect(await readFile(join(paths.layers, top, 'layer.yaml'), 'utf8')).toContain(layer?.sha256)
  expect((await readdir(paths.layers)).sort()).toEqual([top, 'layer-root'].sort())
}

test('a layer that stands too high comes to stand on the root with the same content, and what it stood on goes', async () => {
  const bench = await openBench()
  const before = await bench.content()
  const told: string[][] = []
  const volume = { ...scope, id: 'vol-1', state: 'in-use' as const, availabilityZone: 'us-east-1a', sizeGib: 1 }
  bench.store.transaction(() =>
    bench.store.volumes.insert({ ...volume, layerId: top, volumeType: 'gp3', createTime: createdAt }),
  )
  bench.startDaemon({ onShortened: (ids) => told.push([...ids]) }).look(top)
  await expectFlat(bench)
  expect(await bench.content()).toBe(before)
  expect(told).toEqual([['vol-1']])
  // Neither what the root has nor what reads as zeros was written again.
  expect(bench.store.layers.find(top)?.fileSizeBytes).toBeLessThan(5 * mib)
})

/** Where a daemon is killed, by what it does to the disk: `die` tells that it has got there, and never resolves. */
type KillPoint = (parts: { lab: DiskLab; real: DescriptionWriter; die: () => Promise<never> }) => Faults

const killPoints: Record<string, KillPoint> = {
  'before the file is made': ({ die }) => ({ disks: { flattenLayer: die } }),
  'with half of the file': ({ lab, die }) => ({
    disks: {
      flattenLayer: async ({ destination }) => {
        await lab.run('truncate', '-s', '300000', destination)
        return await die()
      },
    },
  }),
  'when the file is made': ({ lab, die }) => ({
    disks: {
      flattenLayer: async (request, work) => {
        await lab.disks.flattenLayer(request, work)
        return await die()
      },
    },
  }),
  'before it is described': ({ die }) => ({ descriptions: { describeAhead: die } }),
  'before it is replaced': ({ die }) => ({ disks: { replaceLayer: die } }),
  'when it is replaced': ({ lab, die }) => ({
    disks: {
      replaceLayer: async (path, replacement) => {
        await lab.disks.replaceLayer(path, replacement)
        return await die()
      },
    },
  }),
  'when that is recorded': ({ die }) => ({ descriptions: { describeLayer: die } }),
}

test.each(Object.keys(killPoints))('loses and leaves nothing when the daemon is killed %s', async (point) => {
  const bench = await openBench()
  const { store, paths, lab } = bench
  const before = await bench.content()
  const real = createDescriptionWriter({ store, paths, log })
  await new Promise<void>((resolve) => {
    const die = () => {
      resolve()
      return new Promise<never>(() => undefined)
    }
    bench.startDaemon(killPoints[point]?.({ lab, real, die })).look(top)
  })
  // The records may have gone too: what the files say must lead to the same.
  const found = openStore(lab.path('found.db'))
  onTestFinished(() => found.close())
  await recoverRecords({ store: found, paths, log })
  expect(found.layers.listIds().toSorted()).toEqual([...names].toSorted())
  const next = bench.startDaemon()
  await next.recover()
  expect(await bench.content()).toBe(before)
  expect(await digestOf(bench)).toBe(store.layers.find(top)?.sha256)
  expect(await readdir(join(paths.layers, top))).not.toContain('flat.qcow2')
  next.look(top)
  await createLayerCollector({ store, paths, log }).collect()
  await expectFlat(bench)
})

test('a disk that is too full leaves the chain as it is, until there is room', async () => {
  const bench = await openBench()
  const before = await bench.content()
  const { disks } = await createDiskLab({ reservedBytes: 2 ** 60 })
  const refusals: string[] = []
  const full: DiskHost['flattenLayer'] = async (request, work) => {
    if (refusals.length === 2) return await bench.lab.disks.flattenLayer(request, work)
    return await disks.flattenLayer(request, work).catch((error: Error) => {
      refusals.push(error.message)
      throw error
    })
  }
  bench.startDaemon({ disks: { flattenLayer: full } }).look(top)
  await expectFlat(bench)
  expect(refusals[0]).toContain('not enough disk space: flattening a layer needs')
  expect(await bench.content()).toBe(before)
})

test('is broken off when the daemon ends, with nothing left of it', async () => {
  const bench = await openBench()
  const before = await bench.content()
  let begun: () => void = () => undefined
  const isBegun = new Promise<void>((resolve) => (begun = resolve))
  const slow: DiskHost['flattenLayer'] = async (request, { signal, onProgress }) => {
    begun()
    await systemClock.sleep(60_000, signal)
    return await bench.lab.disks.flattenLayer(request, { signal, onProgress })
  }
  const flattener = bench.startDaemon({ disks: { flattenLayer: slow } })
  flattener.look(top)
  await isBegun
  await flattener.close()
  expect(bench.store.layers.find(top)).not.toHaveProperty('flattening')
  expect(bench.store.layers.listIds()).toEqual([...names])
  expect(await bench.content()).toBe(before)
})
