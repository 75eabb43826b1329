import type { LayerRecord } from '../layer/layer.ts'
import type { Store } from '../ports/store.ts'
import type { VolumeRecord } from '../volume/volume.ts'

/** A freeze that was recorded and is still to be done: the layer that a volume's present overlay is to become. */
export interface FreezeIntent {
  readonly layer: LayerRecord
  readonly volumeId: string
  /** Those of one set are to happen at one instant. */
  readonly setId: string
}

/** All freezes that are still to be done, the oldest first. */
export function listFreezeIntents(store: Store): FreezeIntent[] {
  return store.layers
    .listBy('state', 'pending')
    .flatMap((layer) => (layer.source ? [{ layer, volumeId: layer.source.volumeId, setId: layer.source.setId }] : []))
}

/** QEMU opens every file of a chain. Chains are not made shorter yet, so they end here. */
export const maximumChainLength = 100

/** How many layers a volume's overlay stands on, those included that it is still to become. */
export function chainLengthOf(store: Store, volume: VolumeRecord): number {
  let length = listFreezeIntents(store).filter(({ volumeId }) => volumeId === volume.id).length
  let next = volume.layerId
  while (next !== undefined) {
    length++
    next = store.layers.find(next)?.parentId
  }
  return length
}
