import { chainOf } from '../layer/layer-chain.ts'
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

/** Far more than flattening lets a chain grow to: so it is when that does not keep up, as on a full disk. QEMU opens every file of it. */
export const maximumChainLength = 100

/** How many layers a volume's overlay stands on, those included that it is still to become. */
export function chainLengthOf(store: Store, volume: VolumeRecord): number {
  const waiting = listFreezeIntents(store).filter(({ volumeId }) => volumeId === volume.id)
  return waiting.length + chainOf(store, volume.layerId).length
}
