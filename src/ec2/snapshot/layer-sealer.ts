import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { coalesceByKey } from '../../host/coalesce.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { ImageRecord } from '../image/image.ts'
import type { LayerRecord } from '../layer/layer.ts'
import type { LayerCollector } from '../layer/layer-collector.ts'
import type { LayerFlattener } from '../layer/layer-flattener.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { Store } from '../ports/store.ts'

/** Ends what a freeze has begun: the layer's file is made durable, its snapshots and their images are complete, and it gets its digest. */
export interface LayerSealer {
  /** Begins to seal a layer that is `frozen`, and tries until it is done; returns at once. */
  seal(layerId: string): void
  /** A pending layer comes to nothing, and so do its snapshots and their images; for the reason. */
  abandon(layerId: string, reason: string): void
  /** Goes on with what an earlier daemon did not finish. */
  resume(): void
}

export function createLayerSealer(dependencies: {
  store: Store
  clock: Clock
  paths: StatePaths
  disks: DiskHost
  descriptions: DescriptionWriter
  layers: LayerCollector
  flattener: Pick<LayerFlattener, 'look'>
  events: EventBus
  log: Logger
}): LayerSealer {
  const { store, clock, paths, disks, descriptions, layers, flattener, events, log } = dependencies

  /** The last digest that is being made: one after the other, for each reads a whole file. */
  let lastDigest: Promise<unknown> = Promise.resolve()

  async function digest(path: string): Promise<string> {
    const made = lastDigest.then(() => disks.digest(path, 'sha256'))
    lastDigest = made.catch(() => undefined)
    return await made
  }

  const seal = coalesceByKey(async (layerId) => {
    const layer = store.layers.find(layerId)
    if (layer?.state !== 'frozen') return
    const { path, fileSizeBytes, virtualSizeBytes } = await disks.secureLayer(join(paths.layers, layer.id))
    const { source } = layer
    // Before it is recorded: once it is, nobody looks for this name of the file any more. The volume writes to another by now.
    if (source?.overlay !== undefined) await fsExtra.remove(join(paths.volumes, source.volumeId, source.overlay))
    const secured: LayerRecord = { ...layer, fileSizeBytes, virtualSizeBytes }
    const images = store.transaction(() => {
      store.layers.replace(secured)
      return complete(layer.id)
    })
    for (const image of images) await descriptions.describeImage(image.id)
    // On disk for good, so its snapshots are complete: the digest, which takes its time, is for finding out later what has rotted.
    const sha256 = await digest(path)
    // The layer last: as long as it says `frozen`, recovery seals it again and completes what waits for it.
    store.transaction(() => store.layers.replace({ ...secured, state: 'available', sha256 }))
    await descriptions.describeLayer(layer.id)
    if (source) await descriptions.describeVolume(source.volumeId)
    // Its snapshot and its volume may have been deleted meanwhile, and nothing that is frozen is collected.
    await layers.collect()
    flattener.look(layer.id)
  })

  /** Answers the images that are available by it. */
  function complete(layerId: string): ImageRecord[] {
    const completionTime = clock.now().toISOString()
    const touched = new Set<string>()
    for (const snapshot of store.snapshots.listBy('layerId', layerId)) {
      if (snapshot.state !== 'pending') continue
      store.snapshots.replace({ ...snapshot, state: 'completed', completionTime })
      if (snapshot.imageId !== undefined) touched.add(snapshot.imageId)
    }
    return [...touched].flatMap((id) => {
      const image = store.images.find(id)
      if (image?.state !== 'pending' || image.blockDevices.some(({ snapshotId }) => isPending(snapshotId))) return []
      const available: ImageRecord = { ...image, state: 'available' }
      store.images.replace(available)
      publish(available, 'is available')
      return [available]
    })
  }

  const isPending = (snapshotId: string) => store.snapshots.find(snapshotId)?.state === 'pending'

  function publish(image: ImageRecord, what: string): void {
    events.publish({ kind: 'image-state-change', resourceId: image.id, message: `${image.id} (${image.name}) ${what}` })
  }

  function abandon(layerId: string, reason: string): void {
    store.transaction(() => {
      for (const snapshot of store.snapshots.listBy('layerId', layerId)) {
        store.snapshots.replace({ ...snapshot, state: 'error', stateMessage: reason })
        const image = snapshot.imageId === undefined ? undefined : store.images.find(snapshot.imageId)
        if (image?.state !== 'pending') continue
        const failed: ImageRecord = {
          ...image,
          state: 'failed',
          stateReason: { code: 'Client.SnapshotFailed', message: `${snapshot.id}: ${reason}` },
        }
        store.images.replace(failed)
        publish(failed, `could not be made: ${reason}`)
      }
      store.layers.remove(layerId)
    })
  }

  function begin(layerId: string, pauseMs = firstPauseMs): void {
    seal(layerId).catch(async (error: unknown) => {
      log.error({ layerId, pauseMs, err: error }, 'layer could not be sealed and is tried again')
      await clock.sleep(pauseMs)
      begin(layerId, Math.min(longestPauseMs, pauseMs * 2))
    })
  }

  return {
    seal: (layerId) => begin(layerId),
    abandon,
    resume: () => {
      for (const { id } of store.layers.listBy('state', 'frozen')) begin(id)
    },
  }
}

/** A disk that is full, or does not answer, may be as it should again; its snapshots are `pending` until then. */
const firstPauseMs = 1000
const longestPauseMs = 60_000
