import type { Store } from '../ports/store.ts'
import type { LayerRecord } from './layer.ts'

/** A layer and all that it stands on, down to the root. */
export function chainOf(store: Pick<Store, 'layers'>, layerId: string | undefined): LayerRecord[] {
  const chain: LayerRecord[] = []
  let next = layerId === undefined ? undefined : store.layers.find(layerId)
  while (next) {
    chain.push(next)
    next = next.parentId === undefined ? undefined : store.layers.find(next.parentId)
  }
  return chain
}

/** Layers that stand on a layer, at whatever distance. */
export function listLayersOver(store: Pick<Store, 'layers'>, layerId: string): string[] {
  const children = store.layers.listBy('parentId', layerId).map(({ id }) => id)
  return [...children, ...children.flatMap((id) => listLayersOver(store, id))]
}

/** Volumes whose overlays stand on a layer, at whatever distance. */
export function listVolumesOver(store: Pick<Store, 'layers' | 'volumes'>, layerId: string): string[] {
  const layerIds = [layerId, ...listLayersOver(store, layerId)]
  return layerIds.flatMap((id) => store.volumes.listBy('layerId', id).map((volume) => volume.id))
}
