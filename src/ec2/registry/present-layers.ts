import { findDamaged } from '../layer/layer-check.ts'
import type { LayerRecord } from '../layer/layer.ts'
import type { WorkOptions } from '../ports/work.ts'
import type { Store } from '../ports/store.ts'
import { layerPathOf } from '../volume/volume.ts'
import type { AmiDocument } from './ami-document.ts'
import { type LayerDependencies, rememberLayer, withNew } from './open-layers.ts'

/**
 * Which layers of an image are here already: the id of the layer here, by content id. Those that were pulled or pushed are known; another
 * one of the same size that stands on the same is read, to see whether it is the same.
 */
export async function findPresentLayers(
  dependencies: LayerDependencies,
  document: AmiDocument,
  sizes: ReadonlyMap<string, number>,
  work: WorkOptions,
): Promise<ReadonlyMap<string, string>> {
  const { store } = dependencies
  const present = new Map<string, string>()
  for (const layer of document.layers) {
    const known = store.layers.listBy('contentIds[]', layer.id).find((record) => isSound(store, record))
    const parentId = layer.parent === undefined ? undefined : present.get(layer.parent)
    // What stands on something that is not here cannot be here either, but for one that was flattened.
    const mayBeHere = layer.parent === undefined || parentId !== undefined
    const found = known ?? (mayBeHere ? await findUnnamed(dependencies, layer, parentId, sizes, work) : undefined)
    if (found) present.set(layer.id, found.id)
  }
  return present
}

/** Nothing is made of a layer any more that stands on damage: the registry has a sound one. */
function isSound(store: Store, { id, state }: LayerRecord): boolean {
  return state === 'available' && findDamaged(store, id) === undefined
}

async function findUnnamed(
  { store, paths, disks }: LayerDependencies,
  layer: AmiDocument['layers'][number],
  parentId: string | undefined,
  sizes: ReadonlyMap<string, number>,
  work: WorkOptions,
): Promise<LayerRecord | undefined> {
  const candidates = store.layers
    .listBy('state', 'available')
    .filter(
      (record) =>
        isSound(store, record) && record.parentId === parentId && record.fileSizeBytes === sizes.get(layer.digest),
    )
  for (const { id } of candidates) {
    work.onProgress({ stage: 'Looking for layers that are here' })
    const blob = await disks.openLayerBlob(layerPathOf(paths, id)).catch(() => undefined)
    if (!blob) continue
    try {
      // The file itself says what it stands on: the record may tell of the one that takes its place.
      if (blob.backingPath !== (parentId === undefined ? undefined : layerPathOf(paths, parentId))) continue
      const digest = await blob.digest(work.signal, () => undefined)
      const { mark } = blob
      rememberLayer(store, id, (record) => ({ ...record, blob: { mark, digest } }))
      if (digest !== layer.digest) continue
      rememberLayer(store, id, (record) => ({ ...record, contentIds: withNew(record.contentIds, layer.id) }))
    } finally {
      await blob.close()
    }
    return store.layers.find(id)
  }
  return undefined
}
