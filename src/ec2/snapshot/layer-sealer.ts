import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { ImageRecord } from '../image/image.ts'
import type { LayerRecord } from '../layer/layer.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { Store } from '../ports/store.ts'

/** Ends what a freeze has begun: the layer's file is made durable and gets its digest, its snapshots and their images are complete. */
export interface LayerSealer {
  /** Begins to seal a layer that is `frozen`; returns at once. */
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
  events: EventBus
  log: Logger
}): LayerSealer {
  const { store, clock, paths, disks, descriptions, events, log } = dependencies

  async function seal(layer: LayerRecord): Promise<void> {
    const directory = join(paths.layers, layer.id)
    const { sha256, fileSizeBytes, virtualSizeBytes } = await disks.sealLayer(directory)
    const sealed: LayerRecord = { ...layer, state: 'available', sha256, fileSizeBytes, virtualSizeBytes }
    if (!store.layers.find(layer.id)) return
    const images = store.transaction(() => {
      store.layers.replace(sealed)
      return complete(layer.id)
    })
    await descriptions.describeLayer(layer.id)
    for (const image of images) await descriptions.describeImage(image.id)
    const { source } = layer
    // The volume writes to another file now: this name of the layer's file is needed no more.
    if (source?.overlay !== undefined) {
      await fsExtra.remove(join(paths.volumes, source.volumeId, source.overlay))
      await descriptions.describeVolume(source.volumeId)
    }
  }

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

  function begin(layerId: string): void {
    const layer = store.layers.find(layerId)
    if (layer?.state !== 'frozen') return
    seal(layer).catch((error: unknown) => log.error({ layerId, err: error }, 'layer could not be sealed'))
  }

  return {
    seal: begin,
    abandon,
    resume: () => {
      for (const { id } of store.layers.listBy('state', 'frozen')) begin(id)
    },
  }
}
