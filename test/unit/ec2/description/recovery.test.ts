import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import pino from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../../src/host/clock.ts'
import { createDescriptionRefresher } from '../../../../src/ec2/description/description-refresher.ts'
import { createDescriptionWriter } from '../../../../src/ec2/description/description-writer.ts'
import { recoverRecords } from '../../../../src/ec2/description/recovery.ts'
import type { Store } from '../../../../src/ec2/ports/store.ts'
import { overlayPathOf } from '../../../../src/ec2/volume/volume.ts'
import { openStore } from '../../../../src/store/store.ts'
import { eventually, type FreezeBench, layerIdOf, openFreezeBench, snapshotIdOf } from '../snapshot/freeze-bench.ts'

const log = pino({ level: 'silent' })

/** Records made again from the disk alone. */
async function recover({ paths }: FreezeBench): Promise<Store> {
  const store = openStore(join(paths.root, 'recovered.db'))
  onTestFinished(() => store.close())
  await recoverRecords({ store, paths, log })
  return store
}

/** A volume with two snapshots, all described. */
async function openBenchWithSnapshots(): Promise<FreezeBench> {
  const bench = await openFreezeBench()
  bench.planSnapshot('a')
  bench.planSnapshot('b')
  await bench.startDaemon().volumes.settle(bench.volumeId)
  await eventually(async () => expect(await readLayer(bench, 'b')).toContain('completed'))
  return bench
}

const readLayer = (bench: FreezeBench, name: string) =>
  readFile(join(bench.paths.layers, layerIdOf(name), 'layer.yaml'), 'utf8')

test.each([0, 1, 2])(
  'finds a volume whose daemon was killed after %d transactions of a snapshot',
  async (killedAfter) => {
    const bench = await openFreezeBench()
    await bench.startDaemon().volumes.settle(bench.volumeId)
    bench.planSnapshot('a')
    bench.startDaemon({ killedAfter }).volumes.wake(bench.volumeId)
    if (killedAfter === 0) await eventually(() => readLayer(bench, 'a'))
    if (killedAfter === 1) await eventually(() => expect(bench.volume()?.overlay).toBeDefined())
    if (killedAfter === 2) await eventually(() => expect(bench.stateOf('a')).toBe('completed'))
    const store = await recover(bench)
    const volume = store.volumes.find(bench.volumeId)
    expect(volume).toMatchObject({ state: 'available', layerId: layerIdOf('a'), overlay: `${layerIdOf('a')}.qcow2` })
    expect(volume && (await fsExtra.pathExists(overlayPathOf(bench.paths, volume)))).toBe(true)
    expect(store.layers.find(layerIdOf('a'))?.state).toBe('frozen')
    expect(store.snapshots.find(snapshotIdOf('a'))?.state).toBe('pending')
  },
)

test('does not find what a killed daemon had half deleted', async () => {
  const bench = await openBenchWithSnapshots()
  await rm(join(bench.paths.layers, layerIdOf('a'), 'disk.qcow2'), { force: true })
  const store = await recover(bench)
  expect(store.layers.listAll()).toEqual([])
  expect(store.snapshots.listAll()).toEqual([])
  expect(store.volumes.find(bench.volumeId)?.state).toBe('error')
})

test('a start describes what the daemon before was killed before it could describe', async () => {
  const bench = await openBenchWithSnapshots()
  const { store, paths } = bench
  await bench.startDaemon().volumes.settle(bench.volumeId)
  const described = await readLayer(bench, 'b')
  const halfWritten = join(paths.volumes, bench.volumeId, 'volume.yaml.0a1b2c3d.7.tmp')
  await fsExtra.outputFile(halfWritten, 'volu')
  const image = join(paths.images, 'ami-1')
  await fsExtra.outputFile(join(image, 'image.yaml'), 'of an image that is deregistered')
  store.transaction(() => {
    store.tags.put(bench.scope, snapshotIdOf('b'), 'snapshot', [{ key: 'name', value: 'late' }])
    store.tags.put(bench.scope, bench.volumeId, 'volume', [{ key: 'name', value: 'late' }])
    store.deregisteredImages.insert({ ...bench.scope, id: 'ami-1', deregisteredAt: '2026-01-01T00:00:00.000Z' })
  })
  const descriptions = createDescriptionWriter({ store, paths, log })
  await createDescriptionRefresher({ store, clock: systemClock, paths, descriptions, log }).catchUp()
  expect(described).not.toContain('late')
  expect(await readLayer(bench, 'b')).toContain('late')
  expect(await readFile(join(paths.volumes, bench.volumeId, 'volume.yaml'), 'utf8')).toContain('late')
  expect(await fsExtra.pathExists(image)).toBe(false)
  expect(await fsExtra.pathExists(halfWritten)).toBe(false)
})
