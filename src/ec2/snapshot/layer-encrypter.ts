import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { StatePaths } from '../../host/state-paths.ts'
import { keysOfChain, releaseKey } from '../encryption/encryption.ts'
import { chainOf } from '../layer/layer-chain.ts'
import type { LayerRecord } from '../layer/layer.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { Progress } from '../ports/work.ts'
import type { Store } from '../ports/store.ts'
import { keyOf, layerPathOf } from '../volume/volume.ts'
import type { LayerSealer } from './layer-sealer.ts'

/**
 * Writes encrypted copies of layers: for copies of snapshots that are to be encrypted, or by another key. The intent is a `pending` layer
 * with a `copyOf`; a daemon that is killed is followed by one that begins anew. A copy that nobody waits for any more is given up.
 */
export interface LayerEncrypter {
  /** Begins with a layer, one after the other; returns at once. */
  begin(layerId: string): void
  /** Begins with what an earlier daemon did not finish. */
  resume(): void
}

/** Each step is a transaction. */
const percentStep = 5

export function createLayerEncrypter(dependencies: {
  store: Store
  paths: StatePaths
  disks: DiskHost
  sealer: LayerSealer
  log: Logger
}): LayerEncrypter {
  const { store, paths, disks, sealer, log } = dependencies
  let last: Promise<unknown> = Promise.resolve()

  async function encrypt(layerId: string): Promise<void> {
    const layer = store.layers.find(layerId)
    if (layer?.state !== 'pending' || layer.copyOf === undefined || layer.encryptionKeyId === undefined) return
    const source = store.layers.find(layer.copyOf)
    const directory = join(paths.layers, layer.id)
    try {
      if (!source) throw new Error(`the layer ${layer.copyOf} that it is a copy of is gone`)
      const giveUp = new AbortController()
      // From a daemon that was killed before it could record that all is done.
      await fsExtra.remove(directory)
      const { virtualSizeBytes, fileSizeBytes } = await disks.encryptLayer(
        {
          source: { path: layerPathOf(paths, source.id), ...keyOf(source) },
          chainKeyIds: keysOfChain(store, source.id),
          chainBytes: chainOf(store, source.id).reduce((bytes, { fileSizeBytes = 0 }) => bytes + fileSizeBytes, 0),
          directory,
          keyId: layer.encryptionKeyId,
        },
        {
          signal: giveUp.signal,
          onProgress: (progress) => {
            if (!tell(layer.id, progress)) giveUp.abort()
          },
        },
      )
      const { copyOf: _copyOf, ...copied } = layer
      store.transaction(() => store.layers.replace({ ...copied, state: 'frozen', virtualSizeBytes, fileSizeBytes }))
      sealer.seal(layer.id)
    } catch (error) {
      await takeBack(layer, error)
    }
  }

  /** Records how far it is; answers whether anybody waits for it still. */
  function tell(layerId: string, { doneBytes = 0, totalBytes = 0 }: Progress): boolean {
    const percent = totalBytes > 0 ? Math.floor((doneBytes * 100) / totalBytes / percentStep) * percentStep : 0
    const waiting = store.snapshots.listBy('layerId', layerId)
    const behind = waiting.filter((snapshot) => (snapshot.progressPercent ?? 0) < percent)
    if (behind.length > 0) {
      store.transaction(() => {
        for (const snapshot of behind) store.snapshots.replace({ ...snapshot, progressPercent: percent })
      })
    }
    return waiting.length > 0
  }

  async function takeBack(layer: LayerRecord, error: unknown): Promise<void> {
    const why = error instanceof Error ? error.message : String(error)
    log.error({ layerId: layer.id, err: error }, 'layer could not be encrypted')
    await fsExtra.remove(join(paths.layers, layer.id))
    await releaseKey({ store, paths }, layer)
    sealer.abandon(layer.id, why)
  }

  function begin(layerId: string): void {
    last = last
      .then(() => encrypt(layerId))
      .catch((error: unknown) => log.error({ layerId, err: error }, 'encrypted copy is left to the next start'))
  }

  return {
    begin,
    resume: () => {
      for (const { id, copyOf } of store.layers.listBy('state', 'pending')) if (copyOf !== undefined) begin(id)
    },
  }
}
