import { rootDeviceOf } from '../image/root-device.ts'
import type { CreateReplaceRootVolumeTaskRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue } from '../errors.ts'
import { idNotFound } from '../ids.ts'
import type { ImageRecord } from '../image/image.ts'
import { requireAllowedImage } from '../image/allowed-images.ts'
import { findVisibleImage, requireAvailableImage } from '../image/visible-image.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import { requireSubscription } from '../marketplace/require-subscription.ts'
import type { CallContext } from '../operation.ts'
import { requireCompleted, type SnapshotRecord } from '../snapshot/snapshot.ts'
import { findVisibleSnapshot } from '../snapshot/visible-snapshot.ts'
import type { VolumeRecord } from '../volume/volume.ts'
import { listReplacements } from './root-volume-task.ts'

/** What a new root volume is made of. */
interface RootSource {
  readonly snapshot: SnapshotRecord
  /** The size that it must have at least. */
  readonly sizeGib: number
  readonly imageId?: string
  /** What a later replacement without a source goes back to. */
  readonly launchSnapshotId: string
  /** Of the image. */
  readonly productCodes?: readonly string[]
}

/** An instance with its present root volume. */
interface Rooted {
  readonly instance: InstanceRecord
  readonly root: VolumeRecord
}

/** What a request names. */
interface NamedSource {
  readonly snapshot?: SnapshotRecord
  readonly image?: ImageRecord
}

/** Throws for both at once, and for what the caller does not see. */
export function findNamedSource(
  { store }: Domain,
  context: CallContext,
  { SnapshotId: snapshotId, ImageId: imageId }: CreateReplaceRootVolumeTaskRequest,
): NamedSource {
  if (snapshotId !== undefined && imageId !== undefined) {
    throw invalidParameterCombination('The parameters SnapshotId and ImageId may not be used together')
  }
  if (imageId !== undefined) return { image: findVisibleImage(store, context, imageId) }
  return snapshotId === undefined ? {} : { snapshot: findVisibleSnapshot(store, context, snapshotId) }
}

/** The launch state, unless a snapshot or an image is named. Throws for what EC2 does not take as the instance's root. */
export function chooseSource(
  domain: Domain,
  context: CallContext,
  rooted: Rooted,
  { snapshot, image }: NamedSource,
): RootSource {
  if (image) return sourceOfImage(domain, context, rooted, image)
  if (snapshot) return sourceOfSnapshot(domain, rooted, snapshot)
  const launched = requireLaunchSnapshot(domain, rooted)
  return { snapshot: launched, sizeGib: launched.volumeSizeGib, launchSnapshotId: launched.id }
}

/** EC2's rule: taken of the instance's present root volume or an earlier one; a copy of such a snapshot will not do. */
function sourceOfSnapshot({ store }: Domain, { instance, root }: Rooted, snapshot: SnapshotRecord): RootSource {
  requireCompleted(snapshot)
  const replacements = listReplacements(store, instance.id)
  const isOwn =
    snapshot.volumeId === root.id || replacements.some(({ replacedVolumeId }) => replacedVolumeId === snapshot.volumeId)
  if (!isOwn) {
    throw invalidParameterValue(
      'snapshotId',
      snapshot.id,
      `The snapshot was not created from the current or a previous root volume of the instance ${instance.id}.`,
    )
  }
  const launchSnapshotId = replacements.at(-1)?.launchSnapshotId ?? root.snapshotId ?? snapshot.id
  return { snapshot, sizeGib: snapshot.volumeSizeGib, launchSnapshotId }
}

function sourceOfImage(
  { store, marketplace }: Domain,
  context: CallContext,
  { instance }: Rooted,
  image: ImageRecord,
): RootSource {
  requireAvailableImage(image)
  requireAllowedImage({ store, marketplace }, context, image)
  requireSubscription({ store, marketplace }, context, image.productCodes)
  for (const [name, own, wanted] of [
    ['architecture', image.architecture, instance.architecture],
    ['boot mode', image.bootMode, instance.bootMode],
  ] as const) {
    if (own === wanted) continue
    throw invalidParameterValue('imageId', image.id, `Its ${name} is ${own}, that of the instance is ${wanted}.`)
  }
  // What an image maps comes with the image, whoever may use the snapshot besides.
  const device = rootDeviceOf(image)
  const snapshot = device && store.snapshots.find(device.snapshotId)
  if (!snapshot) throw invalidParameterValue('imageId', image.id, 'It has no snapshot for its root device.')
  return {
    snapshot: requireCompleted(snapshot),
    sizeGib: device.volumeSizeGib,
    imageId: image.id,
    launchSnapshotId: snapshot.id,
    ...withProductCodes(image.productCodes),
  }
}

/** The snapshot that the instance was launched with, or that of the image which has replaced its root volume since. */
function requireLaunchSnapshot({ store }: Domain, { instance, root }: Rooted): SnapshotRecord {
  const id = listReplacements(store, instance.id).at(-1)?.launchSnapshotId ?? root.snapshotId
  if (id === undefined) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `The root volume ${root.id} was not made from a snapshot: there is no launch state to restore it to.`,
    )
  }
  const snapshot = store.snapshots.find(id)
  if (snapshot) return requireCompleted(snapshot)
  throw idNotFound('snap', [id])
}
