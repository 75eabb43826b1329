import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { diskFile, type StatePaths } from '../../host/state-paths.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import { keysOfChain } from '../encryption/encryption.ts'
import { Ec2Error } from '../errors.ts'
import { tellOutOfSpace } from '../out-of-space.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { Store } from '../ports/store.ts'
import { keyOf, layerPathOf } from '../volume/volume.ts'
import { chooseFlattening, type FlatteningChoice } from './choose-flattening.ts'
import type { LayerCollector } from './layer-collector.ts'
import { listLayersOver, listVolumesOver } from './layer-chain.ts'
import type { LayerFlattening, LayerRecord } from './layer.ts'

/**
 * Keeps chains short, in the background and one layer at a time: a layer that stands too high gets another file of the same content that
 * stands on a near ancestor (docs/adr/chains-are-flattened-in-place.md). A daemon that was killed at whatever instant is followed by one
 * that finds in the file itself whether it was replaced.
 */
export interface LayerFlattener {
  /** A layer has come to be `available`: its chain may be too long now. Returns at once. */
  look(layerId: string): void
  /** Looks at all chains, little by little. */
  lookAll(): Promise<void>
  /** Ends or takes back what an earlier daemon was killed in. Before anything is collected. */
  recover(): Promise<void>
  /** Why layers wait to be flattened, for a person; undefined when none does. */
  problem(): string | undefined
  /** Breaks off what is under way; the next daemon begins it again. */
  close(): Promise<void>
}

export function createLayerFlattener(dependencies: {
  store: Store
  clock: Clock
  paths: StatePaths
  disks: DiskHost
  descriptions: DescriptionWriter
  layers: LayerCollector
  log: Logger
  /** The most files that a chain is to have, a volume's own not counted. */
  maximumDepth: number
  /** The chains under these volumes are shorter now. */
  onShortened: (volumeIds: readonly string[]) => void
}): LayerFlattener {
  const { store, clock, paths, disks, descriptions, layers, log, maximumDepth } = dependencies
  const abort = new AbortController()
  const waiting = new Set<string>()
  let working: Promise<void> | undefined
  let problem: string | undefined

  const flatPathOf = (layerId: string) => join(paths.layers, layerId, diskFile.flatDisk)

  function update(layerId: string, change: (layer: LayerRecord) => LayerRecord): LayerRecord | undefined {
    return store.transaction(() => {
      const present = store.layers.find(layerId)
      if (present?.state !== 'available') return undefined
      const changed = change(present)
      store.layers.replace(changed)
      return changed
    })
  }

  const mark = (layerId: string, flattening: LayerFlattening) => update(layerId, (layer) => ({ ...layer, flattening }))

  const unmark = (layerId: string) => update(layerId, ({ flattening: _flattening, ...layer }) => layer)

  async function flatten({ layer, formerParentId, baseId }: FlatteningChoice): Promise<void> {
    const intent = { baseId, formerParentId }
    const baseKeyId = store.layers.find(baseId)?.encryptionKeyId
    if (!mark(layer.id, { ...intent, state: 'making' })) return
    const { sha256, fileSizeBytes } = await disks.flattenLayer(
      {
        path: layerPathOf(paths, layer.id),
        ...keyOf(layer),
        basePath: layerPathOf(paths, baseId),
        ...(baseKeyId === undefined ? {} : { baseKeyId }),
        chainKeyIds: keysOfChain(store, layer.id),
        destination: flatPathOf(layer.id),
      },
      { signal: abort.signal, onProgress: () => undefined },
    )
    const whole = mark(layer.id, { ...intent, state: 'made', sha256, fileSizeBytes })
    if (!whole) return
    // Whoever finds only the files must know that the layer may stand on either.
    await descriptions.describeAhead(whole)
    await disks.replaceLayer(layerPathOf(paths, layer.id), flatPathOf(layer.id))
    await finish(layer.id, { ...intent, sha256, fileSizeBytes })
  }

  /** The new file is in its place. */
  async function finish(layerId: string, flattening: Omit<LayerFlattening, 'state'>): Promise<void> {
    const { baseId, sha256, fileSizeBytes } = flattening
    update(layerId, (layer) => ({
      ...layer,
      parentId: baseId,
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(fileSizeBytes === undefined ? {} : { fileSizeBytes }),
      flattening: { ...flattening, state: 'replaced' },
    }))
    log.info({ layerId, baseId, fileSizeBytes }, 'layer was flattened')
    await descriptions.describeLayer(layerId)
    dependencies.onShortened(listVolumesOver(store, layerId))
  }

  /** A machine that opens the chain now may have opened the old file and not yet what that stands on. */
  async function letGoLater(layerId: string): Promise<void> {
    await clock.sleep(graceMs, abort.signal)
    unmark(layerId)
    await descriptions.describeLayer(layerId)
    await layers.collect()
  }

  async function work(): Promise<void> {
    let pauseMs = firstPauseMs
    while (!abort.signal.aborted) {
      const [layerId] = waiting
      if (layerId === undefined) {
        problem = undefined
        return
      }
      const choice = chooseFlattening(store, layerId, maximumDepth)
      if (!choice) {
        waiting.delete(layerId)
        continue
      }
      try {
        await tellOutOfSpace('flattening a layer', paths.layers, () => flatten(choice))
        pauseMs = firstPauseMs
        problem = undefined
        letGoLater(choice.layer.id).catch((error: unknown) => logUnlessClosed(error, choice.layer.id))
        for (const id of listLayersOver(store, choice.layer.id)) waiting.add(id)
      } catch (error) {
        logUnlessClosed(error, choice.layer.id)
        await giveUp(choice.layer.id)
        if (isFull(error)) {
          problem = `layers wait to be flattened. ${error.message}`
          await clock.sleep(fullPauseMs, abort.signal).catch(() => undefined)
          continue
        }
        await clock.sleep(pauseMs, abort.signal).catch(() => undefined)
        pauseMs = Math.min(longestPauseMs, pauseMs * 2)
      }
    }
  }

  async function giveUp(layerId: string): Promise<void> {
    const layer = store.layers.find(layerId)
    if (layer) await recoverLayer(layer).catch((error: unknown) => logUnlessClosed(error, layerId))
    // What nobody needs any more has waited for this.
    await layers.collect()
  }

  function logUnlessClosed(error: unknown, layerId: string): void {
    if (!abort.signal.aborted) log.warn({ layerId, err: error }, 'layer could not be flattened and is tried again')
  }

  function look(layerId: string): void {
    waiting.add(layerId)
    working ??= work().finally(() => (working = undefined))
  }

  async function recoverLayer({ id, flattening }: LayerRecord): Promise<void> {
    if (!flattening) return
    const { state, ...intent } = flattening
    const path = layerPathOf(paths, id)
    const isReplaced = (await disks.readBackingPath(path)) === layerPathOf(paths, intent.baseId)
    if (state === 'made' && isReplaced) await finish(id, intent)
    await fsExtra.remove(flatPathOf(id))
    unmark(id)
    await descriptions.describeLayer(id)
  }

  return {
    look,
    lookAll: async () => {
      for (const id of store.layers.listIds()) {
        if (abort.signal.aborted) return
        // Callers come in between.
        await clock.sleep(0)
        if (chooseFlattening(store, id, maximumDepth)) look(id)
      }
    },
    recover: async () => {
      for (const state of ['making', 'made', 'replaced'] as const) {
        for (const layer of store.layers.listBy('flattening.state', state)) {
          await recoverLayer(layer).catch((error: unknown) =>
            log.error({ layerId: layer.id, err: error }, 'flattening of a layer could not be taken up again'),
          )
        }
      }
    },
    problem: () => problem,
    close: async () => {
      abort.abort()
      await working
    },
  }
}

function isFull(error: unknown): error is Ec2Error {
  return error instanceof Ec2Error && error.code === 'InsufficientDiskSpace'
}

/** Longer than any program takes to open a chain. */
const graceMs = 60_000
/** Until a full disk is looked at again, which is done before anything is written. */
const fullPauseMs = 10_000
/** Until a disk that did not answer may be as it should again. */
const firstPauseMs = 60_000
const longestPauseMs = 3600_000
