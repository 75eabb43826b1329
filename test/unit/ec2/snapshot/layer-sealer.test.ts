import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { secureLayer } from '../../../../src/disk/freeze-file.ts'
import { eventually, layerIdOf, openFreezeBench } from './freeze-bench.ts'

const overlayOver = (name: string) => `${layerIdOf(name)}.qcow2`

test.each([1, 2, 3])(
  'leaves a volume one file when the daemon is killed after %d transactions of a snapshot',
  async (killedAfter) => {
    const bench = await openFreezeBench()
    bench.planSnapshot('a')
    bench.startDaemon({ killedAfter }).volumes.wake(bench.volumeId)
    await eventually(() => expect(bench.store.layers.find(layerIdOf('a'))?.state).not.toBe('pending'))
    if (killedAfter > 1) await eventually(() => expect(bench.stateOf('a')).toBe('completed'))
    const next = bench.startDaemon()
    next.volumes.adopt()
    next.sealer.resume()
    await eventually(() => expect(bench.stateOf('a')).toBe('completed'))
    expect(await bench.listOverlays()).toEqual([overlayOver('a')])
  },
)

test('completes a snapshot only when its volume has one file left', async () => {
  const bench = await openFreezeBench()
  bench.planSnapshot('a')
  bench.planSnapshot('b')
  await bench.startDaemon().volumes.settle(bench.volumeId)
  await eventually(() => expect([bench.stateOf('a'), bench.stateOf('b')]).toEqual(['completed', 'completed']))
  expect(await bench.listOverlays()).toEqual([overlayOver('b')])
  // The digests come after that.
  await eventually(() => {
    const layers = bench.store.layers.listAll()
    expect(layers.map(({ state, parentId, sha256 }) => [state, parentId, sha256?.length])).toEqual([
      ['available', undefined, 64],
      ['available', layerIdOf('a'), 64],
    ])
  })
  expect((await stat(join(bench.paths.layers, layerIdOf('a'), 'disk.qcow2'))).nlink).toBe(1)
})

test('tries again to seal a layer that the disk did not let it seal', async () => {
  const bench = await openFreezeBench()
  bench.planSnapshot('a')
  let failures = 3
  const failing: typeof secureLayer = async (directory) => {
    if (failures-- > 0) throw new Error('EIO')
    return await secureLayer(directory)
  }
  await bench.startDaemon({ disks: { secureLayer: failing } }).volumes.settle(bench.volumeId)
  await eventually(() => expect(bench.stateOf('a')).toBe('completed'))
})

test('leaves no layer whose snapshot and volume were deleted while it was sealed', async () => {
  const bench = await openFreezeBench()
  bench.planSnapshot('a')
  let goOn: () => void = () => undefined
  const isAllowed = new Promise<void>((resolve) => (goOn = resolve))
  const slow: typeof secureLayer = async (directory) => {
    await isAllowed
    return await secureLayer(directory)
  }
  const { volumes } = bench.startDaemon({ disks: { secureLayer: slow } })
  await volumes.settle(bench.volumeId)
  bench.store.transaction(() => {
    bench.store.snapshots.remove('snap-a')
    const volume = bench.volume()
    if (volume) bench.store.volumes.replace({ ...volume, state: 'deleting' })
  })
  await volumes.settle(bench.volumeId)
  goOn()
  await eventually(async () => expect(await bench.listLayers()).toEqual([]))
  expect(bench.store.layers.listAll()).toEqual([])
})
