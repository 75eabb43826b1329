import type { Store } from '../ports/store.ts'
import { chainOf } from './layer-chain.ts'
import type { LayerRecord } from './layer.ts'

/** A layer that stands too high, and the ancestor that it is to stand on instead. */
export interface FlatteningChoice {
  readonly layer: LayerRecord
  readonly formerParentId: string
  readonly baseId: string
}

/**
 * What is to be flattened of the chain of a layer, so that no layer has more than `maximumDepth` files: the lowest that has. It comes to
 * stand on the chain's root, or on an image's layer that is not far above: what instances of one image share, they go on sharing.
 * Undefined when the chain is short enough, or what is too high is not ready.
 */
export function chooseFlattening(
  store: Pick<Store, 'layers' | 'snapshots' | 'images'>,
  layerId: string,
  maximumDepth: number,
): FlatteningChoice | undefined {
  const upwards = chainOf(store, layerId).reverse()
  const layer = upwards[maximumDepth]
  const formerParentId = layer?.parentId
  if (layer?.state !== 'available' || layer.flattening || formerParentId === undefined) return undefined
  if (upwards.some(({ damage }) => damage)) return undefined
  const near = upwards.slice(0, Math.ceil(maximumDepth / 2))
  const base = near.findLast(({ id }) => isOfImage(store, id)) ?? upwards[0]
  return base && { layer, formerParentId, baseId: base.id }
}

function isOfImage(store: Pick<Store, 'snapshots' | 'images'>, layerId: string): boolean {
  return store.snapshots
    .listBy('layerId', layerId)
    .some(({ id }) => store.images.countBy('blockDevices[].snapshotId', id) > 0)
}
