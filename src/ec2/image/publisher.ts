import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Clock } from '../../host/clock.ts'
import type { Random } from '../../host/random.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import { releaseKey } from '../encryption/encryption.ts'
import type { EventBus } from '../event/event-bus.ts'
import { newId } from '../ids.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { Architecture } from '../ports/machine.ts'
import type { Scope, Store } from '../ports/store.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import type { Quotas } from '../quota.ts'
import { maximumTagValueLength } from '../tag/tag.ts'
import type { TaskResult } from '../task/task.ts'
import { type BootMode, usualBootMode } from './boot-settings.ts'
import { isImageNameTaken, refuseTakenImageName } from './image-name.ts'
import { imageTag } from './image-tag.ts'
import type { ImageJob } from './image-work.ts'
import type { ImageRecord } from './image.ts'
import { requireQuotasOfDiskImage } from './new-image.ts'

/** Makes an AMI of a disk file: a layer, a snapshot that names it, an image that maps it. */
export interface ImagePublisher {
  /** Nothing is left when it rejects, with ResourceLimitExceeded and SnapshotLimitExceeded among others. The result has a note when the image could not get the name it was to have. */
  publish(scope: Scope, request: PublishRequest): Promise<TaskResult>
  /** The image that was made of a downloaded file of that digest; of that name, when one is given. */
  findBySource(scope: Scope, digest: string, name: string | undefined): ImageRecord | undefined
  /** Throws InvalidAMIName.Duplicate. */
  refuseTakenName(scope: Scope, name: string): void
  /** Deletes the layers whose making a crash interrupted. */
  removeInterrupted(): Promise<void>
}

export interface PublishRequest {
  readonly source: string
  readonly name: string
  /** Whether a taken name is refused; else the image gets the date after its name, and a number if it must. */
  readonly isNameFixed: boolean
  readonly description: string
  readonly architecture: Architecture
  /** The usual one of the architecture when absent. */
  readonly bootMode?: BootMode | undefined
  /** Those without a value, or with one that is too long for a tag, are left out. */
  /** An image of the Quick Start: of a recipe, or of the catalogue. */
  readonly isQuickStart?: boolean
  /** Of marketplace products: then everyone sees the image, and who subscribes launches it. */
  readonly productCodes?: readonly string[]
  readonly tags: Partial<Record<(typeof imageTag)[keyof typeof imageTag], string | undefined>>
  readonly job: ImageJob
}

const bytesPerGib = 1024 ** 3

export function createImagePublisher(dependencies: {
  store: Store
  clock: Clock
  random: Random
  paths: StatePaths
  disks: DiskHost
  events: EventBus
  descriptions: DescriptionWriter
  quotas: Quotas
}): ImagePublisher {
  const { store, clock, random, paths, disks, events, descriptions, quotas } = dependencies

  async function publish(scope: Scope, request: PublishRequest): Promise<TaskResult> {
    if (request.isNameFixed) refuseTakenImageName(store, scope, request.name)
    requireQuotasOfDiskImage({ store, quotas }, scope)
    const layerId = newId('layer', random)
    const createdAt = clock.now().toISOString()
    // Recorded first: a crash while the file is made leaves a pending layer, which the next start removes.
    store.transaction(() => store.layers.insert({ ...scope, id: layerId, state: 'pending', createdAt }))
    const directory = join(paths.layers, layerId)
    try {
      const file = await disks.importLayer(request.source, directory, request.job)
      const sizeGib = Math.max(1, Math.ceil(file.virtualSizeBytes / bytesPerGib))
      const image = store.transaction(() => {
        const name = chooseName(scope, request)
        requireQuotasOfDiskImage({ store, quotas }, scope)
        store.layers.replace({
          ...scope,
          id: layerId,
          state: 'available',
          sha256: file.sha256,
          virtualSizeBytes: file.virtualSizeBytes,
          fileSizeBytes: file.fileSizeBytes,
          createdAt,
        })
        return recordImage(scope, { ...request, name }, layerId, sizeGib)
      })
      await descriptions.describeLayer(layerId)
      await descriptions.describeImage(image.id)
      events.publish({
        kind: 'image-state-change',
        resourceId: image.id,
        message: `${image.id} (${image.name}) is available`,
      })
      if (image.name === request.name) return { imageId: image.id }
      return { imageId: image.id, note: `The name ${request.name} is taken: this image is ${image.name}.` }
    } catch (error) {
      if (store.layers.find(layerId)?.state === 'pending') await removeLayer(layerId)
      throw error
    }
  }

  function chooseName(scope: Scope, { name: base, isNameFixed }: PublishRequest): string {
    if (isNameFixed) refuseTakenImageName(store, scope, base)
    if (!isImageNameTaken(store, scope, base)) return base
    const dated = `${base}-${clock.now().toISOString().slice(0, 10)}`
    for (let number = 1; ; number++) {
      const name = number === 1 ? dated : `${dated}.${number}`
      if (!isImageNameTaken(store, scope, name)) return name
    }
  }

  function recordImage(scope: Scope, request: PublishRequest, layerId: string, sizeGib: number): ImageRecord {
    const now = clock.now().toISOString()
    const snapshotId = newId('snap', random)
    store.snapshots.insert({
      ...scope,
      id: snapshotId,
      layerId,
      state: 'completed',
      description: `Root device of ${request.name}`,
      volumeId: 'vol-ffffffff',
      volumeSizeGib: sizeGib,
      ...withProductCodes(request.productCodes),
      startTime: now,
    })
    const image: ImageRecord = {
      ...scope,
      id: newId('ami', random),
      name: request.name,
      description: request.description,
      architecture: request.architecture,
      state: 'available',
      creationDate: now,
      imageLocation: `${scope.accountId}/${request.name}`,
      rootDeviceName: '/dev/xvda',
      blockDevices: [
        { deviceName: '/dev/xvda', snapshotId, volumeSizeGib: sizeGib, volumeType: 'gp3', deleteOnTermination: true },
      ],
      bootMode: request.bootMode ?? usualBootMode(request.architecture),
      enaSupport: true,
      ...(request.isQuickStart ? { origin: 'quick-start' as const } : {}),
      ...withProductCodes(request.productCodes),
      ...(request.productCodes ? { sharing: { region: scope.region, accountIds: [], isPublic: true } } : {}),
    }
    store.images.insert(image)
    const tags = Object.entries(request.tags).flatMap(([key, value]) =>
      value !== undefined && value.length <= maximumTagValueLength ? [{ key, value }] : [],
    )
    if (tags.length > 0) store.tags.put(scope, image.id, 'image', tags)
    return image
  }

  async function removeLayer(layerId: string): Promise<void> {
    await fsExtra.remove(join(paths.layers, layerId))
    const layer = store.layers.find(layerId)
    if (layer) await releaseKey({ store, paths }, layer)
    store.transaction(() => store.layers.remove(layerId))
  }

  return {
    publish,
    findBySource: (scope, digest, name) =>
      store.images
        .list(scope)
        .filter((image) => image.state === 'available' && (name === undefined || image.name === name))
        .find(({ id }) =>
          store.tags.of(id).some(({ key, value }) => key === imageTag.sourceDigest && value === digest),
        ),
    refuseTakenName: (scope, name) => refuseTakenImageName(store, scope, name),
    removeInterrupted: async () => {
      for (const layer of [...store.layers.listBy('state', 'pending'), ...store.layers.listBy('state', 'deleting')]) {
        // A volume's pending layer is its own live overlay, and an intent that is still to be carried out.
        // So is one that is to be an encrypted copy.
        const isIntent = layer.source !== undefined || layer.copyOf !== undefined
        if (layer.state === 'deleting' || !isIntent) await removeLayer(layer.id)
      }
    },
  }
}
