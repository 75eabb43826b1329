import type { KeyObject } from 'node:crypto'
import { Ec2Error } from '../errors.ts'
import type { ImageRecord } from '../image/image.ts'
import { requireCompleted } from '../snapshot/snapshot.ts'
import { bootSettingsOf } from '../image/boot-settings.ts'
import { findLoginUser } from '../image/login-user.ts'
import { requireAvailableImage } from '../image/visible-image.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { WorkOptions } from '../ports/work.ts'
import type { RegistryHost, Repository } from '../ports/registry.ts'
import type { Transfer } from '../task/task.ts'
import { type AmiDocument, annotation, mediaType, performanceOf, writeManifest } from './ami-document.ts'
import { digestOf } from './content-id.ts'
import { closeLayers, type LayerDependencies, nameLayers, type NamedLayer, openLayers } from './open-layers.ts'
import { rememberLayer, withNew } from './open-layers.ts'
import { formatRepository } from './reference.ts'
import { signManifest, sourceOf } from './signature.ts'

export interface PushRequest {
  readonly image: ImageRecord
  readonly repository: Repository
  readonly tag: string
  /** Signs before the tag names it, so that nobody ever finds it unsigned. */
  readonly signingKey?: KeyObject
}

/**
 * Sends an image to a registry: each layer that is not there, then its metadata, its signature, and last the manifest, so that nobody finds
 * half an image. The same image gives the same digest each time, on every host.
 */
export async function pushImage(
  dependencies: LayerDependencies & { registry: RegistryHost },
  { image, repository, tag, signingKey }: PushRequest,
  work: WorkOptions,
): Promise<Transfer> {
  const { store, registry } = dependencies
  const { signal } = work
  requireAvailableImage(image)
  refuseEncrypted(dependencies, image)
  for (const { snapshotId } of image.blockDevices) {
    const snapshot = store.snapshots.find(snapshotId)
    // What has rotted must not spread.
    if (snapshot) requireCompleted(snapshot)
  }
  const { layers: opened, layerIdOfDevice } = await openLayers(dependencies, image)
  try {
    const layers = await nameLayers(dependencies, opened, work)
    const blobs = [...new Map(layers.map((layer) => [layer.source.digest, layer])).values()]
    const totalBytes = blobs.reduce((sum, { source }) => sum + source.sizeBytes, 0)
    let movedBytes = 0
    let skippedBytes = 0
    const onSent = (bytes: number) => {
      movedBytes += bytes
    }
    for (const { layerId, source } of blobs) {
      const tell = () =>
        work.onProgress({ stage: 'Pushing', doneBytes: Math.min(totalBytes, movedBytes + skippedBytes), totalBytes })
      tell()
      const outcome = await registry.putBlob(repository, source, othersWith(dependencies, layerId, repository), {
        signal,
        onSent: (bytes) => {
          onSent(bytes)
          tell()
        },
      })
      if (outcome !== 'uploaded') skippedBytes += source.sizeBytes
      rememberLayer(store, layerId, (record) => ({
        ...record,
        repositories: withNew(record.repositories, formatRepository(repository)),
      }))
    }
    const config = sourceOf(Buffer.from(JSON.stringify(describeImage(dependencies, image, layers, layerIdOfDevice))))
    await registry.putBlob(repository, config, [], { signal, onSent })
    const manifest = writeManifest(
      config,
      blobs.map(({ source }) => source),
      annotationsOf(image, totalBytes),
    )
    const digest = digestOf(manifest)
    if (signingKey) {
      work.onProgress({ stage: 'Signing' })
      await signManifest(registry, repository, digest, signingKey, { signal, onSent })
    }
    signal.throwIfAborted()
    onSent(manifest.length)
    await registry.putManifest({ ...repository, reference: tag }, mediaType.manifest, manifest, signal)
    return { digest, movedBytes, skippedBytes }
  } finally {
    await closeLayers(opened)
  }
}

/** What is in a marketplace product goes no further than its publisher and its subscribers (as CopyImage has it). */
export function refuseProduct(image: ImageRecord, accountId: string): void {
  if (!image.productCodes || image.accountId === accountId) return
  throw new Ec2Error(
    'InvalidRequest',
    `${image.id} has marketplace products in it and is not yours: it cannot be pushed.`,
  )
}

/** Other repositories of the same registry that a layer is known to be in: it may be had from there without sending it. */
function othersWith({ store }: LayerDependencies, layerId: string, repository: Repository): string[] {
  const start = `${repository.host}/`
  return (store.layers.find(layerId)?.repositories ?? [])
    .filter((name) => name.startsWith(start) && name !== formatRepository(repository))
    .map((name) => name.slice(start.length))
}

/** A registry is not the place for what was to be read with a key of this host only; EC2 exports none either. */
function refuseEncrypted({ store }: LayerDependencies, image: ImageRecord): void {
  for (const { snapshotId, deviceName } of image.blockDevices) {
    const snapshot = store.snapshots.find(snapshotId)
    if (!snapshot || !('encryptionKeyId' in snapshot) || snapshot.encryptionKeyId === undefined) continue
    throw new Ec2Error(
      'UnsupportedOperation',
      `${image.id} cannot be pushed: ${deviceName} (${snapshotId}) is encrypted, and its key is this host's alone. Make an image of an unencrypted copy.`,
    )
  }
}

function describeImage(
  { store }: LayerDependencies,
  image: ImageRecord,
  layers: readonly NamedLayer[],
  layerIdOfDevice: ReadonlyMap<string, string>,
): AmiDocument {
  const tags = store.tags.of(image.id)
  const loginUser = findLoginUser(store, image)
  const byId = new Map(layers.map((layer) => [layer.layerId, layer]))
  return {
    name: image.name,
    ...(image.description === undefined || image.description === '' ? {} : { description: image.description }),
    accountId: image.accountId,
    architecture: image.architecture,
    ...bootSettingsOf(image),
    enaSupport: image.enaSupport,
    ...(image.imdsSupport === undefined ? {} : { imdsSupport: image.imdsSupport }),
    ...(loginUser === undefined ? {} : { loginUser }),
    creationDate: image.creationDate,
    rootDeviceName: image.rootDeviceName,
    ...withProductCodes(image.productCodes),
    blockDevices: image.blockDevices.map(
      ({ deviceName, volumeSizeGib, volumeType, deleteOnTermination, ...device }) => ({
        ...{ deviceName, volumeSizeGib, volumeType, deleteOnTermination },
        ...performanceOf(device),
        layer: byId.get(layerIdOfDevice.get(deviceName) ?? '')?.contentId ?? '',
      }),
    ),
    layers: layers.map(({ contentId, parentContentId, source, blob }) => ({
      id: contentId,
      digest: source.digest,
      ...(parentContentId === undefined ? {} : { parent: parentContentId }),
      virtualSizeBytes: blob.virtualSizeBytes,
    })),
    // Kiln's own tags say where this host has it from.
    tags: tags.filter(({ key }) => !key.startsWith('kiln:')).map(({ key, value }) => ({ key, value })),
  }
}

function annotationsOf(image: ImageRecord, sizeBytes: number): Record<string, string> {
  return {
    [annotation.name]: image.name,
    ...(image.description ? { [annotation.description]: image.description } : {}),
    [annotation.created]: image.creationDate,
    [annotation.account]: image.accountId,
    [annotation.architecture]: image.architecture,
    [annotation.sizeBytes]: String(sizeBytes),
  }
}
