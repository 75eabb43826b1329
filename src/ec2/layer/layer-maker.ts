import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Clock } from '../../host/clock.ts'
import type { Random } from '../../host/random.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import { type Encryption, releaseKey } from '../encryption/encryption.ts'
import { newId } from '../ids.ts'
import type { DiskHost, ExportFormat, LayerFile, WorkOptions } from '../ports/disk.ts'
import type { Scope, Store } from '../ports/store.ts'
import type { LayerRecord } from './layer.ts'

/** A layer whose file is in its place, and whose record still says `pending`. */
export interface MadeLayer {
  readonly record: LayerRecord
  readonly file: LayerFile
  /** Of volumes that it fits in. */
  readonly sizeGib: number
  /** For the snapshot that will name it. */
  readonly encryption: Encryption
}

/** What is said of a file, and how its layer is to be encrypted. */
export interface LayerWish {
  readonly claim?: ExportFormat | undefined
  readonly encryption?: Encryption
}

/** Makes layers of foreign disk files. Whoever made one either keeps or discards it; a crash in between is as if it was discarded. */
export interface LayerMaker {
  /** Rejects as DiskHost.importLayer does; nothing is left then. */
  make(scope: Scope, source: string, work: WorkOptions, how?: LayerWish): Promise<MadeLayer>
  /** Records that it is there; inside a transaction, together with what names it. */
  keep(layer: MadeLayer): void
  discard(layerId: string): Promise<void>
  /** Discards the layers whose making a crash interrupted. */
  removeInterrupted(): Promise<void>
}

const bytesPerGib = 1024 ** 3

export function createLayerMaker(dependencies: {
  store: Store
  clock: Clock
  random: Random
  paths: StatePaths
  disks: DiskHost
}): LayerMaker {
  const { store, clock, random, paths, disks } = dependencies

  async function discard(layerId: string): Promise<void> {
    await fsExtra.remove(join(paths.layers, layerId))
    const layer = store.layers.find(layerId)
    if (layer) await releaseKey({ store, paths }, layer)
    store.transaction(() => store.layers.remove(layerId))
  }

  return {
    make: async ({ accountId, region }, source, work, { claim, encryption = {} } = {}) => {
      const createdAt = clock.now().toISOString()
      const { encryptionKeyId: keyId } = encryption
      const record: LayerRecord = {
        ...{ accountId, region, id: newId('layer', random), state: 'pending', createdAt },
        ...(keyId === undefined ? {} : { encryptionKeyId: keyId }),
      }
      // Recorded first: a crash while the file is made leaves a pending layer, which the next start removes.
      store.transaction(() => store.layers.insert(record))
      try {
        const file = await disks.importLayer(source, join(paths.layers, record.id), work, { claim, keyId })
        return { record, file, encryption, sizeGib: Math.max(1, Math.ceil(file.virtualSizeBytes / bytesPerGib)) }
      } catch (error) {
        await discard(record.id)
        throw error
      }
    },
    keep: ({ record, file: { sha256, virtualSizeBytes, fileSizeBytes } }) => {
      store.layers.replace({ ...record, state: 'available', sha256, virtualSizeBytes, fileSizeBytes })
    },
    discard,
    removeInterrupted: async () => {
      for (const layer of [...store.layers.listBy('state', 'pending'), ...store.layers.listBy('state', 'deleting')]) {
        // A volume's pending layer is its own live overlay, and an intent that is still to be carried out.
        // So is one that is to be an encrypted copy.
        const isIntent = layer.source !== undefined || layer.copyOf !== undefined
        if (layer.state === 'deleting' || !isIntent) await discard(layer.id)
      }
    },
  }
}
