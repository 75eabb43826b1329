import { join } from 'node:path'
import type { Logger } from 'pino'
import { tellOutOfSpace } from '../out-of-space.ts'
import type { Clock } from '../../host/clock.ts'
import { coalesceByKey } from '../../host/coalesce.ts'
import { ensurePrivateDirectory } from '../../host/files.ts'
import type { Random } from '../../host/random.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { DescriptionRefresher } from '../description/description-refresher.ts'
import { newId } from '../ids.ts'
import type { LayerCollector } from '../layer/layer-collector.ts'
import type { LayerRecord } from '../layer/layer.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { Store } from '../ports/store.ts'
import { layerPathOf } from '../volume/volume.ts'
import type { SnapshotRecord } from './snapshot.ts'
import { archivedAgain } from './tiering.ts'

/** Moves snapshots between the tiers, in the background and one at a time, and back into the archive when their time is over. */
export interface TierWorker {
  /** A snapshot has an operation in progress. Returns at once. */
  wake(snapshotId: string): void
  /** Percent of the operation under way. */
  progressOf(snapshotId: string): number | undefined
  /** Begins again what an earlier daemon did not finish; its half-made files are gone by then. */
  start(): void
  /** Breaks off what is under way; the next daemon begins it again. */
  close(): Promise<void>
}

export function createTierWorker(dependencies: {
  store: Store
  clock: Clock
  random: Random
  paths: StatePaths
  disks: DiskHost
  descriptions: DescriptionRefresher
  layers: LayerCollector
  log: Logger
}): TierWorker {
  const { store, clock, random, paths, disks, descriptions, layers, log } = dependencies
  const abort = new AbortController()
  const progress = new Map<string, number>()
  let last: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined

  function begin(snapshot: SnapshotRecord): LayerRecord {
    const { accountId, region } = snapshot
    const createdAt = clock.now().toISOString()
    const layer = { accountId, region, id: newId('layer', random), state: 'pending' as const, createdAt }
    store.transaction(() => store.layers.insert(layer))
    return layer
  }

  /** Writes the file of the other tier and gives it to the snapshot. */
  async function move(snapshot: SnapshotRecord): Promise<void> {
    const layer = begin(snapshot)
    const directory = join(paths.layers, layer.id)
    try {
      await tellOutOfSpace('the move to the other tier', paths.layers, () => ensurePrivateDirectory(directory))
      await disks.exportDisk(
        {
          path: layerPathOf(paths, snapshot.layerId),
          format: 'qcow2',
          destination: layerPathOf(paths, layer.id),
          isCompressed: snapshot.tiering?.operation === 'archival',
        },
        {
          signal: abort.signal,
          onProgress: ({ doneBytes = 0, totalBytes = 0 }) => {
            if (totalBytes > 0) progress.set(snapshot.id, Math.floor((100 * doneBytes) / totalBytes))
          },
        },
      )
      const { path, fileSizeBytes, virtualSizeBytes } = await disks.secureLayer(directory)
      const sha256 = await disks.digest(path, 'sha256', abort.signal)
      finish(snapshot, { ...layer, state: 'available', fileSizeBytes, virtualSizeBytes, sha256 })
      descriptions.refreshLayer(layer.id)
    } catch (error) {
      // Its record is there until its files have gone.
      store.transaction(() => store.layers.replace({ ...layer, state: 'deleting' }))
      if (!abort.signal.aborted) fail(snapshot.id, error)
    } finally {
      progress.delete(snapshot.id)
      await layers.collect()
      descriptions.refreshLayer(snapshot.layerId)
    }
  }

  function finish({ id }: SnapshotRecord, layer: LayerRecord): void {
    const now = clock.now()
    store.transaction(() => {
      store.layers.replace(layer)
      const snapshot = store.snapshots.find(id)
      // Deleted meanwhile: nothing names the layer, and it is collected.
      if (snapshot?.tiering?.state !== 'in-progress') return
      const { tiering, archiveLayerId: _archive, ...rest } = snapshot
      if (tiering.operation === 'permanent-restore') {
        store.snapshots.replace({
          ...rest,
          layerId: layer.id,
          tiering: { ...tiering, tier: 'standard', state: 'completed' },
        })
        return
      }
      const isArchival = tiering.operation === 'archival'
      const expiry = new Date(now.getTime() + (tiering.restoreDays ?? 0) * millisecondsPerDay)
      store.snapshots.replace({
        ...rest,
        layerId: layer.id,
        ...(isArchival ? {} : { archiveLayerId: snapshot.layerId }),
        tiering: {
          ...tiering,
          tier: isArchival ? 'archive' : 'standard',
          state: 'completed',
          ...(isArchival ? { archivalCompleteTime: now.toISOString() } : { restoreExpiryTime: expiry.toISOString() }),
        },
      })
    })
  }

  function fail(snapshotId: string, error: unknown): void {
    log.warn({ snapshotId, err: error }, 'snapshot could not be moved to another tier')
    store.transaction(() => {
      const snapshot = store.snapshots.find(snapshotId)
      if (!snapshot?.tiering) return
      const detail = error instanceof Error ? error.message : String(error)
      store.snapshots.replace({ ...snapshot, tiering: { ...snapshot.tiering, state: 'failed', detail } })
    })
  }

  const settle = coalesceByKey(async (id) => {
    const snapshot = store.snapshots.find(id)
    if (abort.signal.aborted || snapshot?.tiering?.state !== 'in-progress') return
    await move(snapshot)
  })

  function wake(snapshotId: string): void {
    last = last
      .then(() => settle(snapshotId))
      .catch((error: unknown) => log.error({ snapshotId, err: error }, 'snapshot could not be moved to another tier'))
  }

  /** A restore for a time is over: the archive is still there. */
  function expire(): void {
    const now = clock.now().toISOString()
    for (const snapshot of store.snapshots.listBy('tiering.tier', 'standard')) {
      const expiry = snapshot.tiering?.restoreExpiryTime
      if (expiry === undefined || expiry > now) continue
      const archived = archivedAgain(snapshot)
      store.transaction(() => store.snapshots.replace(archived))
      descriptions.refreshLayer(archived.layerId)
      void layers.collect().then(() => descriptions.refreshLayer(snapshot.layerId))
    }
  }

  return {
    wake,
    progressOf: (snapshotId) => progress.get(snapshotId),
    start: () => {
      for (const { id } of store.snapshots.listBy('tiering.state', 'in-progress')) wake(id)
      expire()
      timer = setInterval(expire, intervalMs)
      timer.unref()
    },
    close: async () => {
      clearInterval(timer)
      abort.abort()
      await last
    },
  }
}

const millisecondsPerDay = 24 * 60 * 60 * 1000
const intervalMs = 60_000
