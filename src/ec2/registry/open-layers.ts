import { basename, dirname } from 'node:path'
import { Ec2Error } from '../errors.ts'
import type { ImageRecord } from '../image/image.ts'
import type { LayerRecord } from '../layer/layer.ts'
import type { DiskHost, LayerBlob } from '../ports/disk.ts'
import type { WorkOptions } from '../ports/work.ts'
import type { BlobSource } from '../ports/registry.ts'
import type { Store } from '../ports/store.ts'
import { requireCompleted } from '../snapshot/snapshot.ts'
import { layerPathOf } from '../volume/volume.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import { contentIdOf } from './content-id.ts'

export interface LayerDependencies {
  readonly store: Store
  readonly paths: StatePaths
  readonly disks: DiskHost
}

/** A layer whose file is held open: it may be replaced or deleted meanwhile. */
export interface OpenLayer {
  readonly layerId: string
  readonly blob: LayerBlob
  readonly parentId: string | undefined
}

/** An open layer with what its bytes are. */
export interface NamedLayer extends OpenLayer {
  readonly source: BlobSource
  readonly contentId: string
  readonly parentContentId: string | undefined
}

/** How often a chain that changes under the hand is looked at again. */
const attempts = 5

/** All layers of an image, each after what it stands on, and for each device the one that it begins as. Whoever gets them closes them. */
export async function openLayers(
  dependencies: LayerDependencies,
  image: ImageRecord,
): Promise<{ layers: OpenLayer[]; layerIdOfDevice: ReadonlyMap<string, string> }> {
  const opened = new Map<string, OpenLayer>()
  const layerIdOfDevice = new Map(
    image.blockDevices.map(({ deviceName, snapshotId }) => [
      deviceName,
      findLayerId(dependencies.store, image, snapshotId),
    ]),
  )
  try {
    for (const layerId of layerIdOfDevice.values()) await openChain(dependencies, layerId, opened)
    return { layers: [...opened.values()], layerIdOfDevice }
  } catch (error) {
    await closeLayers(opened.values())
    throw error
  }
}

export async function closeLayers(layers: Iterable<OpenLayer>): Promise<void> {
  for (const { blob } of layers) await blob.close()
}

/** The chain is what the files themselves say: while a layer's file is replaced, its record may tell of the other one. */
async function openChain(
  dependencies: LayerDependencies,
  layerId: string,
  opened: Map<string, OpenLayer>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const chain: OpenLayer[] = []
    try {
      let next: string | undefined = layerId
      while (next !== undefined && !opened.has(next)) {
        const layer = await openLayer(dependencies, next)
        chain.unshift(layer)
        next = layer.parentId
      }
      for (const layer of chain) opened.set(layer.layerId, layer)
      return
    } catch (error) {
      await closeLayers(chain)
      // What stood below was flattened into what stands above it, and is gone.
      const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      if (!isGone || attempt === attempts) throw error
    }
  }
}

async function openLayer({ paths, disks }: LayerDependencies, layerId: string): Promise<OpenLayer> {
  const blob = await disks.openLayerBlob(layerPathOf(paths, layerId))
  const parentId = blob.backingPath === undefined ? undefined : basename(dirname(blob.backingPath))
  if (parentId === undefined || blob.backingPath === layerPathOf(paths, parentId)) return { layerId, blob, parentId }
  await blob.close()
  throw new Error(`layer ${layerId} stands on ${blob.backingPath}, which is no layer`)
}

function findLayerId(store: Store, image: ImageRecord, snapshotId: string): string {
  const snapshot = store.snapshots.find(snapshotId)
  if (!snapshot) {
    throw new Ec2Error('InvalidSnapshot.NotFound', `The snapshot '${snapshotId}' of ${image.id} does not exist.`)
  }
  return requireCompleted(snapshot).layerId
}

/**
 * Reads the digests of those whose file is not known yet, and remembers them: a base is read once, however many images on it are pushed.
 */
export async function nameLayers(
  { store }: LayerDependencies,
  layers: readonly OpenLayer[],
  work: WorkOptions,
): Promise<NamedLayer[]> {
  const named = new Map<string, NamedLayer>()
  for (const [index, layer] of layers.entries()) {
    const { layerId, blob, parentId } = layer
    const known = store.layers.find(layerId)?.blob
    const detail = `layer ${index + 1} of ${layers.length}`
    const digest =
      known?.mark === blob.mark
        ? known.digest
        : await blob.digest(work.signal, (doneBytes) =>
            work.onProgress({ stage: 'Reading', doneBytes, totalBytes: blob.sizeBytes, detail }),
          )
    const parentContentId = parentId === undefined ? undefined : named.get(parentId)?.contentId
    const contentId = contentIdOf(parentContentId, digest)
    const source = {
      digest,
      sizeBytes: blob.sizeBytes,
      read: (offset: number, length: number) => blob.read(offset, length),
    }
    named.set(layerId, { ...layer, source, contentId, parentContentId })
    rememberLayer(store, layerId, (record) => ({
      ...record,
      blob: { mark: blob.mark, digest },
      contentIds: withNew(record.contentIds, contentId),
    }))
  }
  return [...named.values()]
}

/** Changes what a layer's record says of it in registries; nothing when the layer is gone. */
export function rememberLayer(store: Store, layerId: string, change: (record: LayerRecord) => LayerRecord): void {
  store.transaction(() => {
    const record = store.layers.find(layerId)
    if (record) store.layers.replace(change(record))
  })
}

/** The newest few. */
const rememberedCount = 16

export function withNew(list: readonly string[] = [], value: string): readonly string[] {
  return [value, ...list.filter((other) => other !== value)].slice(0, rememberedCount)
}
