import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { WorkOptions } from '../ports/work.ts'
import type { Store } from '../ports/store.ts'
import type { SnapshotRecord } from '../snapshot/snapshot.ts'
import type { TaskResult } from '../task/task.ts'
import { keyOf, layerPathOf } from '../volume/volume.ts'
import { listLayersOver } from './layer-chain.ts'
import type { LayerRecord } from './layer.ts'

/** Finds layers whose bytes have rotted: what no program but this one would notice before a guest does. */
export interface LayerCheck {
  /**
   * Reads the files of layers, compares them with what was recorded of them, and their tables with themselves. A layer that fails is
   * marked, and every snapshot over it is in `error`: nothing is made of it any more. One that passes again, for its file was brought back,
   * is as before. Layers that are not there any more, or not finished, are passed over.
   */
  check(layerIds: readonly string[], work: WorkOptions): Promise<TaskResult>
}

export function createLayerCheck(dependencies: {
  store: Store
  clock: Clock
  paths: StatePaths
  disks: DiskHost
  descriptions: DescriptionWriter
  events: EventBus
  log: Logger
}): LayerCheck {
  const { store, clock, paths, disks, descriptions, events, log } = dependencies

  /** Why a layer is not as it was; undefined when it is sound. */
  async function findFault(layer: LayerRecord, work: WorkOptions): Promise<string | undefined> {
    const found = await disks.checkLayer({ path: layerPathOf(paths, layer.id), ...keyOf(layer) }, work)
    const present = store.layers.find(layer.id)
    // It may have been flattened meanwhile: either file is right.
    const digests = [layer.sha256, present?.sha256, present?.flattening?.sha256].flatMap((digest) => digest ?? [])
    if (found.fault !== undefined || digests.length === 0) return found.fault
    if (found.sha256 !== undefined && digests.includes(found.sha256)) return undefined
    return `its SHA-256 is ${found.sha256}, and was ${layer.sha256} when it was made`
  }

  async function record(layerId: string, fault: string | undefined): Promise<void> {
    const touched = store.transaction(() => {
      const layer = store.layers.find(layerId)
      if (layer?.state !== 'available' || (fault === undefined && !layer.damage)) return []
      const { damage, ...sound } = layer
      const foundAt = damage?.foundAt ?? clock.now().toISOString()
      store.layers.replace(fault === undefined ? sound : { ...sound, damage: { foundAt, reason: fault } })
      const layerIds = [layerId, ...listLayersOver(store, layerId)]
      for (const id of layerIds) markSnapshots(id)
      return layerIds
    })
    for (const id of touched) await descriptions.describeLayer(id)
    if (touched.length === 0) return
    if (fault === undefined) return log.info({ layerId }, 'layer is sound again')
    log.error({ layerId, fault }, 'layer is damaged')
    events.publish({ kind: 'layer-problem', resourceId: layerId, message: `${layerId} is damaged: ${fault}` })
  }

  function markSnapshots(layerId: string): void {
    const damaged = findDamaged(store, layerId)
    const mark = (snapshot: SnapshotRecord): SnapshotRecord => {
      if (damaged?.damage) {
        return {
          ...snapshot,
          state: 'error',
          stateMessage: describeDamage(damaged.id, damaged.damage),
          isDamaged: true,
        }
      }
      const { stateMessage: _message, isDamaged: _isDamaged, ...sound } = snapshot
      return { ...sound, state: 'completed' }
    }
    const isMeant = ({ state, isDamaged }: SnapshotRecord) => (damaged ? state === 'completed' : isDamaged === true)
    for (const snapshot of store.snapshots.listBy('layerId', layerId)) {
      if (isMeant(snapshot)) store.snapshots.replace(mark(snapshot))
    }
    for (const recycled of store.recycledSnapshots.listBy('resource.layerId', layerId)) {
      if (!isMeant(recycled.resource)) continue
      store.recycledSnapshots.replace({ ...recycled, resource: mark(recycled.resource) })
    }
  }

  return {
    check: async (layerIds, work) => {
      const layers = layerIds.flatMap((id) => store.layers.find(id) ?? [])
      const totalBytes = layers.reduce((sum, { fileSizeBytes = 0 }) => sum + fileSizeBytes, 0)
      let doneBytes = 0
      let checkedCount = 0
      const damaged: string[] = []
      for (const { id, fileSizeBytes = 0 } of layers) {
        work.signal.throwIfAborted()
        const layer = store.layers.find(id)
        if (layer?.state === 'available') {
          const before = doneBytes
          const fault = await findFault(layer, {
            signal: work.signal,
            onProgress: ({ doneBytes: ofLayer = 0 }) =>
              work.onProgress({ stage: 'Checking', doneBytes: before + ofLayer, totalBytes, detail: id }),
          })
          await record(id, fault)
          if (fault !== undefined) damaged.push(id)
          checkedCount++
        }
        doneBytes += fileSizeBytes
      }
      const checked = checkedCount === 1 ? '1 layer was checked' : `${checkedCount} layers were checked`
      if (damaged.length === 0) return { note: `${checked}, and ${checkedCount === 1 ? 'is' : 'all are'} sound.` }
      return { note: `${checked}. Damaged: ${damaged.join(', ')}. See: kiln disk ls` }
    },
  }
}

/** The first damaged layer of a chain, from the top. */
export function findDamaged(store: Pick<Store, 'layers'>, layerId: string | undefined): LayerRecord | undefined {
  let next = layerId === undefined ? undefined : store.layers.find(layerId)
  while (next && !next.damage) next = next.parentId === undefined ? undefined : store.layers.find(next.parentId)
  return next
}

/** For whoever asked for something that stands on it. */
export function describeDamage(layerId: string, { reason }: NonNullable<LayerRecord['damage']>): string {
  return `It stands on the layer ${layerId}, whose file is damaged: ${reason}. Bring the file back from a copy and run kiln disk check ${layerId}.`
}
