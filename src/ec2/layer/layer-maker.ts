import { join } from 'node:path'
import fsExtra from 'fs-extra'
import { removeDirectory } from '../../host/files.ts'
import type { Clock } from '../../host/clock.ts'
import type { Random } from '../../host/random.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import { type Encryption, releaseKey } from '../encryption/encryption.ts'
import { newId } from '../ids.ts'
import { maximumImageDisks } from '../image/image-devices.ts'
import type { DiskHost, ExportFormat, LayerFile } from '../ports/disk.ts'
import type { WorkOptions } from '../ports/work.ts'
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

/** What is said of a file that may hold several disks, and how their layers are to be encrypted. */
export interface LayersWish {
  readonly source: string
  /** The job's own. */
  readonly directory: string
  readonly claim?: ExportFormat | undefined
  /** More disks are refused; as many as an image may have when absent. */
  readonly maximumDisks?: number
  /** Asked for each: no two have a key in common. */
  readonly encryptionOf: () => Encryption
}

/** Makes layers of foreign disk files. Whoever made one either keeps or discards it; a crash in between is as if it was discarded. */
export interface LayerMaker {
  /** Rejects as DiskHost.importLayer does; nothing is left then. */
  make(scope: Scope, source: string, work: WorkOptions, how?: LayerWish): Promise<MadeLayer>
  /** A layer of each disk of the file, the root's first. Rejects as DiskHost.importLayers does; nothing is left then. */
  makeAll(scope: Scope, request: LayersWish, work: WorkOptions): Promise<readonly [MadeLayer, ...MadeLayer[]]>
  /** Records that it is there; inside a transaction, together with what names it. */
  keep(layer: MadeLayer): void
  discard(layerId: string): Promise<void>
  /** Discards the layers whose making a crash interrupted. */
  removeInterrupted(): Promise<void>
}

const bytesPerGib = 1024 ** 3
/** Below the job's directory. */
const unpackedDirectory = 'unpacked'

export function createLayerMaker(dependencies: {
  store: Store
  clock: Clock
  random: Random
  paths: StatePaths
  disks: DiskHost
}): LayerMaker {
  const { store, clock, random, paths, disks } = dependencies

  async function discard(layerId: string): Promise<void> {
    await removeDirectory(join(paths.layers, layerId))
    const layer = store.layers.find(layerId)
    if (layer) await releaseKey({ store, paths }, layer)
    store.transaction(() => store.layers.remove(layerId))
  }

  /** Recorded before there is a file: a crash while it is made leaves a pending layer, which the next start removes. */
  function recordPending({ accountId, region }: Scope, { encryptionKeyId: keyId }: Encryption): LayerRecord {
    const createdAt = clock.now().toISOString()
    const record: LayerRecord = {
      ...{ accountId, region, id: newId('layer', random), state: 'pending', createdAt },
      ...(keyId === undefined ? {} : { encryptionKeyId: keyId }),
    }
    store.transaction(() => store.layers.insert(record))
    return record
  }

  return {
    make: async (scope, source, work, { claim, encryption = {} } = {}) => {
      const record = recordPending(scope, encryption)
      try {
        const keyId = encryption.encryptionKeyId
        const file = await disks.importLayer(source, join(paths.layers, record.id), work, { claim, keyId })
        return { record, file, encryption, sizeGib: sizeGibOf(file) }
      } catch (error) {
        await discard(record.id)
        throw error
      }
    },
    makeAll: async (scope, { encryptionOf, maximumDisks = maximumImageDisks, ...request }, work) => {
      const directory = join(request.directory, unpackedDirectory)
      const begun: { record: LayerRecord; encryption: Encryption }[] = []
      const placeOf = () => {
        const encryption = encryptionOf()
        const record = recordPending(scope, encryption)
        begun.push({ record, encryption })
        return { directory: join(paths.layers, record.id), keyId: encryption.encryptionKeyId }
      }
      try {
        await fsExtra.emptyDir(directory)
        const files = await disks.importLayers({ ...request, directory, maximumDisks, placeOf }, work)
        const [root, ...others] = begun.flatMap((layer, index) => {
          const file = files[index]
          return file ? [{ ...layer, file, sizeGib: sizeGibOf(file) }] : []
        })
        if (!root) throw new Error('an import made no layer')
        return [root, ...others]
      } catch (error) {
        for (const { record } of begun) await discard(record.id)
        throw error
      } finally {
        await fsExtra.remove(directory)
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

function sizeGibOf({ virtualSizeBytes }: LayerFile): number {
  return Math.max(1, Math.ceil(virtualSizeBytes / bytesPerGib))
}
