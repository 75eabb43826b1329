import type { Clock } from '../../host/clock.ts'
import type { Random } from '../../host/random.ts'
import { defaultKmsKey, newEncryption } from '../encryption/choose-encryption.ts'
import type { EventBus } from '../event/event-bus.ts'
import { newId } from '../ids.ts'
import type { LayerMaker, MadeLayer } from '../layer/layer-maker.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { Architecture } from '../ports/accelerator.ts'
import type { Scope, Store } from '../ports/store.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import type { Quotas } from '../quota.ts'
import { maximumTagValueLength } from '../tag/tag.ts'
import type { TaskResult } from '../task/task.ts'
import { type BootMode, usualBootMode } from './boot-settings.ts'
import { isImageNameTaken, refuseTakenImageName } from './image-name.ts'
import { imageTag } from './image-tag.ts'
import type { ImageJob } from './image-work.ts'
import { nameDevices } from './image-devices.ts'
import type { ImageBlockDevice, ImageRecord } from './image.ts'
import { requireQuotasOfDiskImage } from './new-image.ts'

/** Makes an AMI of a disk file: a layer for each of its disks, a snapshot that names it, an image that maps them. */
export interface ImagePublisher {
  /** Nothing is left when it rejects, with ResourceLimitExceeded and SnapshotLimitExceeded among others. The result has a note when the image could not get the name it was to have. */
  publish(scope: Scope, request: PublishRequest): Promise<TaskResult>
  /** The image that was made of a downloaded file of that digest; of that name, when one is given. */
  findBySource(scope: Scope, digest: string, name: string | undefined): ImageRecord | undefined
  /** Throws InvalidAMIName.Duplicate. */
  refuseTakenName(scope: Scope, name: string): void
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

const rootDevice = '/dev/xvda'

export function createImagePublisher(dependencies: {
  store: Store
  clock: Clock
  random: Random
  layerMaker: LayerMaker
  events: EventBus
  descriptions: DescriptionWriter
  quotas: Quotas
}): ImagePublisher {
  const { store, clock, random, layerMaker, events, descriptions, quotas } = dependencies

  async function publish(scope: Scope, request: PublishRequest): Promise<TaskResult> {
    if (request.isNameFixed) refuseTakenImageName(store, scope, request.name)
    requireQuotasOfDiskImage({ store, quotas }, scope)
    // What everybody is to launch is under nobody's key.
    const isForAll = request.isQuickStart === true || request.productCodes !== undefined
    const encryptionOf = () => (isForAll ? {} : newEncryption({ random }, defaultKmsKey(store, scope)))
    const { source, job } = request
    const layers = await layerMaker.makeAll(scope, { source, directory: job.directory, encryptionOf }, job)
    try {
      const image = store.transaction(() => {
        const name = chooseName(scope, request)
        requireQuotasOfDiskImage({ store, quotas }, scope, layers.length)
        for (const layer of layers) layerMaker.keep(layer)
        return recordImage(scope, { ...request, name }, layers)
      })
      for (const { record } of layers) await descriptions.describeLayer(record.id)
      await descriptions.describeImage(image.id)
      events.publish({
        kind: 'image-state-change',
        resourceId: image.id,
        message: `${image.id} (${image.name}) is available`,
      })
      if (image.name === request.name) return { imageId: image.id }
      return { imageId: image.id, note: `The name ${request.name} is taken: this image is ${image.name}.` }
    } catch (error) {
      for (const { record } of layers) {
        if (store.layers.find(record.id)?.state === 'pending') await layerMaker.discard(record.id)
      }
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

  function recordImage(scope: Scope, request: PublishRequest, layers: readonly MadeLayer[]): ImageRecord {
    const now = clock.now().toISOString()
    const names = nameDevices(Array(layers.length).fill(undefined), rootDevice)
    const image: ImageRecord = {
      ...scope,
      id: newId('ami', random),
      name: request.name,
      description: request.description,
      architecture: request.architecture,
      state: 'available',
      creationDate: now,
      imageLocation: `${scope.accountId}/${request.name}`,
      rootDeviceName: rootDevice,
      blockDevices: layers.map((layer, index) => recordDevice(scope, request, layer, names[index] ?? '')),
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

  function recordDevice(
    scope: Scope,
    request: PublishRequest,
    { record: layer, sizeGib, encryption }: MadeLayer,
    deviceName: string,
  ): ImageBlockDevice {
    const snapshotId = newId('snap', random)
    store.snapshots.insert({
      ...scope,
      id: snapshotId,
      layerId: layer.id,
      state: 'completed',
      description: `${deviceName === rootDevice ? 'Root device' : deviceName} of ${request.name}`,
      volumeId: 'vol-ffffffff',
      volumeSizeGib: sizeGib,
      ...withProductCodes(request.productCodes),
      ...encryption,
      startTime: clock.now().toISOString(),
    })
    return { deviceName, snapshotId, volumeSizeGib: sizeGib, volumeType: 'gp3', deleteOnTermination: true }
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
  }
}
