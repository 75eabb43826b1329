import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Clock } from '../../host/clock.ts'
import type { Random } from '../../host/random.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import { Ec2Error } from '../errors.ts'
import type { EventBus } from '../event/event-bus.ts'
import { newId } from '../ids.ts'
import { isImageNameTaken, refuseTakenImageName, requireImageName } from '../image/image-name.ts'
import { requireQuotasOfDiskImage } from '../image/new-image.ts'
import type { LayerRecord } from '../layer/layer.ts'
import type { FetchDownload, LayerFile } from '../ports/disk.ts'
import type { WorkOptions } from '../ports/work.ts'
import type { RegistryHost, Repository } from '../ports/registry.ts'
import type { Scope } from '../ports/store.ts'
import type { Quotas } from '../quota.ts'
import type { TaskResult } from '../task/task.ts'
import { layerPathOf } from '../volume/volume.ts'
import type { AmiDocument, AmiManifest } from './ami-document.ts'
import { findPresentLayers } from './present-layers.ts'
import { type LayerDependencies, withNew } from './open-layers.ts'
import { type PulledProduct, recordPulledImage } from './pulled-image.ts'
import { formatRepository } from './reference.ts'

export interface PullDependencies extends LayerDependencies {
  readonly registry: RegistryHost
  readonly clock: Clock
  readonly random: Random
  readonly events: EventBus
  readonly descriptions: DescriptionWriter
  readonly quotas: Quotas
}

/** An image of a registry whose manifest and metadata are verified. */
export interface VerifiedImage {
  readonly repository: Repository
  readonly digest: string
  readonly manifest: AmiManifest
  readonly document: AmiDocument
}

export interface PullRequest {
  readonly image: VerifiedImage
  /** The name that it gets; else the one that it has, with the date after it where that is taken. */
  readonly name?: string | undefined
  /** Where it came from, as a person would write it. */
  readonly source: string
  /** Whether everybody on this host may launch it. */
  readonly isPublic: boolean
  readonly product?: PulledProduct | undefined
}

/** A layer of the image: here already, or on its way. */
interface PlannedLayer {
  readonly layer: AmiDocument['layers'][number]
  readonly layerId: string
  readonly isPresent: boolean
}

/**
 * Brings an image into an account: the layers that are not here, each checked before anything stands on it, and when all are here, in one
 * transaction, the layers, snapshots and the image. Until then nothing of it can be seen, and a crash leaves nothing.
 */
export async function pullImage(
  dependencies: PullDependencies,
  scope: Scope,
  request: PullRequest,
  work: WorkOptions,
): Promise<TaskResult> {
  const { store, paths, descriptions, events, quotas } = dependencies
  const { manifest, document } = request.image
  requireName(dependencies, scope, request)
  requireQuotasOfDiskImage({ store, quotas }, scope)
  const present = await findPresentLayers(dependencies, document, sizesOf(manifest), work)
  const plan = planLayers(dependencies, scope, document, present)
  try {
    const files = await fetchLayers(dependencies, request.image, plan, work)
    const image = store.transaction(() => {
      requireQuotasOfDiskImage({ store, quotas }, scope)
      const name = chooseName(dependencies, scope, request)
      for (const planned of plan) recordLayer(dependencies, request.image, planned, files.get(planned.layerId))
      const layerIds = new Map(plan.map(({ layer, layerId }) => [layer.id, layerId]))
      return recordPulledImage(dependencies, scope, { ...request, name, layerIds })
    })
    for (const { layerId, isPresent } of plan) if (!isPresent) await descriptions.describeLayer(layerId)
    for (const { layer } of document.blockDevices) {
      const top = plan.find((planned) => planned.layer.id === layer)
      if (top?.isPresent) await descriptions.describeLayer(top.layerId)
    }
    await descriptions.describeImage(image.id)
    events.publish({
      kind: 'image-state-change',
      resourceId: image.id,
      message: `${image.id} (${image.name}), pulled from ${request.source}, is available`,
    })
    const isRenamed = image.name !== (request.name ?? document.name)
    return {
      imageId: image.id,
      transfer: { digest: request.image.digest, ...bytesOf(manifest, plan) },
      ...(isRenamed ? { note: `The name ${document.name} is taken: this image is ${image.name}.` } : {}),
    }
  } catch (error) {
    for (const { layerId, isPresent } of plan.toReversed()) {
      if (isPresent || store.layers.find(layerId)?.state !== 'pending') continue
      await fsExtra.remove(join(paths.layers, layerId))
      store.transaction(() => store.layers.remove(layerId))
    }
    throw error
  }
}

/** Recorded first, what each stands on included: that stays from now on, and a crash is followed by the removal of the pending ones. */
function planLayers(
  { store, random, clock }: PullDependencies,
  { accountId, region }: Scope,
  document: AmiDocument,
  present: ReadonlyMap<string, string>,
): PlannedLayer[] {
  return store.transaction(() => {
    const planned = new Map<string, PlannedLayer>()
    for (const layer of document.layers) {
      const presentId = present.get(layer.id)
      const isPresent = presentId !== undefined && store.layers.find(presentId)?.state === 'available'
      const layerId = isPresent ? presentId : newId('layer', random)
      planned.set(layer.id, { layer, layerId, isPresent })
      if (isPresent) continue
      const parentId = layer.parent === undefined ? undefined : planned.get(layer.parent)?.layerId
      store.layers.insert({
        ...{ accountId, region, id: layerId, state: 'pending', createdAt: clock.now().toISOString() },
        ...(parentId === undefined ? {} : { parentId }),
      })
    }
    return [...planned.values()]
  })
}

/**
 * Downloads all that is missing, then checks and adopts it. What has come is kept until the last layer is here: a pull that breaks off goes
 * on where it was.
 */
async function fetchLayers(
  { registry, disks, paths }: PullDependencies,
  { repository, manifest }: VerifiedImage,
  plan: readonly PlannedLayer[],
  work: WorkOptions,
): Promise<ReadonlyMap<string, LayerFile>> {
  const sizes = sizesOf(manifest)
  const missing = plan.filter(({ isPresent }) => !isPresent)
  const digests = [...new Set(missing.map(({ layer }) => layer.digest))]

  async function download(index: number, blobPaths: ReadonlyMap<string, string>): Promise<Map<string, LayerFile>> {
    const digest = digests[index]
    if (digest === undefined) return await adopt(blobPaths)
    const own = withDetail(work, `layer ${index + 1} of ${digests.length}`)
    const sizeBytes = sizes.get(digest) ?? 0
    const { url, fetch } = registry.locateBlob(repository, digest)
    const use = async (fetchFile: FetchDownload) => {
      const blobPath = await fetchFile({ algorithm: 'sha256', value: digest.replace(/^sha256:/, '') })
      await requireSize(blobPath, sizeBytes, digest)
      return await download(index + 1, new Map([...blobPaths, [digest, blobPath]]))
    }
    return await disks.withDownload(url, own, use, { fetch, sizeBytes })
  }

  async function adopt(blobPaths: ReadonlyMap<string, string>): Promise<Map<string, LayerFile>> {
    const files = new Map<string, LayerFile>()
    for (const [index, { layer, layerId }] of missing.entries()) {
      const parent = plan.find((planned) => planned.layer.id === layer.parent)
      const request = {
        blobPath: blobPaths.get(layer.digest) ?? '',
        // Empty overlays over different layers have the same bytes.
        keepsBlob: missing.slice(index + 1).some((later) => later.layer.digest === layer.digest),
        directory: join(paths.layers, layerId),
        virtualSizeBytes: layer.virtualSizeBytes,
        ...(parent ? { backingPath: layerPathOf(paths, parent.layerId) } : {}),
      }
      files.set(layerId, await disks.adoptBlob(request, withDetail(work, `layer ${index + 1} of ${missing.length}`)))
    }
    return files
  }

  return await download(0, new Map())
}

function withDetail(work: WorkOptions, detail: string): WorkOptions {
  return { ...work, onProgress: (progress) => work.onProgress({ ...progress, detail }) }
}

async function requireSize(path: string, sizeBytes: number, digest: string): Promise<void> {
  const { size } = await fsExtra.stat(path)
  if (size === sizeBytes) return
  throw new Ec2Error('RegistryContentInvalid', `${digest} has ${size} bytes, its manifest says ${sizeBytes}.`)
}

/** A layer that has come is one of the others now; one that was here is known by this name too. */
function recordLayer(
  { store }: PullDependencies,
  { repository }: VerifiedImage,
  { layer, layerId }: PlannedLayer,
  file: LayerFile | undefined,
): void {
  const record = store.layers.find(layerId)
  if (!record) throw new Error(`layer ${layerId} is gone though an image that is being pulled stands on it`)
  const known = {
    contentIds: withNew(record.contentIds, layer.id),
    repositories: withNew(record.repositories, formatRepository(repository)),
  }
  if (!file) return store.layers.replace({ ...record, ...known })
  const { sha256, virtualSizeBytes, fileSizeBytes } = file
  const come: LayerRecord = { ...record, state: 'available', sha256, virtualSizeBytes, fileSizeBytes, ...known }
  store.layers.replace(come)
}

function sizesOf(manifest: AmiManifest): ReadonlyMap<string, number> {
  return new Map(manifest.layers.map(({ digest, size }) => [digest, size]))
}

function bytesOf(manifest: AmiManifest, plan: readonly PlannedLayer[]): { movedBytes: number; skippedBytes: number } {
  const sizes = sizesOf(manifest)
  const sum = (isPresent: boolean) =>
    plan
      .filter((planned) => planned.isPresent === isPresent)
      .reduce((total, { layer }) => total + (sizes.get(layer.digest) ?? 0), 0)
  return { movedBytes: sum(false) + manifest.config.size, skippedBytes: sum(true) }
}

function requireName({ store }: PullDependencies, scope: Scope, { name, image }: PullRequest): void {
  requireImageName(name ?? image.document.name)
  if (name !== undefined) refuseTakenImageName(store, scope, name)
}

function chooseName({ store, clock }: PullDependencies, scope: Scope, { name, image }: PullRequest): string {
  if (name !== undefined) {
    refuseTakenImageName(store, scope, name)
    return name
  }
  const { name: base } = image.document
  if (!isImageNameTaken(store, scope, base)) return base
  const dated = `${base}-${clock.now().toISOString().slice(0, 10)}`
  for (let number = 1; ; number++) {
    const next = number === 1 ? dated : `${dated}.${number}`
    if (!isImageNameTaken(store, scope, next)) return next
  }
}
