import { expect, test } from 'vitest'
import { chooseFlattening } from '../../../../src/ec2/layer/choose-flattening.ts'
import { openFreezeBench } from '../snapshot/freeze-bench.ts'

/** A chain of so many layers, `layer-1` the root; an image maps the snapshot of each that `images` names. */
async function openChain(length: number, images: readonly number[] = []) {
  const { store, scope } = await openFreezeBench()
  store.transaction(() => {
    for (let number = 1; number <= length; number++) {
      const parent = number === 1 ? {} : { parentId: `layer-${number - 1}` }
      store.layers.insert({ ...scope, id: `layer-${number}`, state: 'available', ...parent, createdAt: '' })
    }
    for (const number of images) {
      const snapshotId = `snap-${number}`
      store.snapshots.insert({ ...scope, id: snapshotId, layerId: `layer-${number}` } as never)
      store.images.insert({ ...scope, id: `ami-${number}`, name: snapshotId, blockDevices: [{ snapshotId }] } as never)
    }
  })
  return store
}

test('leaves a chain that is short enough', async () => {
  const store = await openChain(4)
  expect(chooseFlattening(store, 'layer-4', 4)).toBeUndefined()
})

test('takes the lowest layer that stands too high to the root', async () => {
  const store = await openChain(9)
  expect(chooseFlattening(store, 'layer-9', 4)).toMatchObject({
    layer: { id: 'layer-5' },
    formerParentId: 'layer-4',
    baseId: 'layer-1',
  })
})

test('goes on sharing the layer of an image not far above the root, the highest of several', async () => {
  const store = await openChain(9, [2, 3, 4, 7])
  expect(chooseFlattening(store, 'layer-9', 5)?.baseId).toBe('layer-3')
  expect(chooseFlattening(store, 'layer-9', 4)?.baseId).toBe('layer-2')
})

test('waits for a layer that is not ready', async () => {
  const store = await openChain(9)
  store.transaction(() => {
    const layer = store.layers.find('layer-5')
    if (layer) store.layers.replace({ ...layer, state: 'frozen' })
  })
  expect(chooseFlattening(store, 'layer-9', 4)).toBeUndefined()
})
