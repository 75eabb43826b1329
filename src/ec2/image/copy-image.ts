import type { CopyImageRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue, missingParameter } from '../errors.ts'
import { newId } from '../ids.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { recordSnapshotCopy } from '../snapshot/copy-snapshot.ts'
import type { SnapshotRecord } from '../snapshot/snapshot.ts'
import { visibleSnapshots } from '../snapshot/visible-snapshot.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { requireAllowedImage } from './allowed-images.ts'
import { bootSettingsOf } from './boot-settings.ts'
import { findLoginUser } from './login-user.ts'
import type { ImageBlockDevice, ImageRecord } from './image.ts'
import { requireNewImage } from './new-image.ts'
import { findVisibleImage, requireAvailableImage } from './visible-image.ts'

/**
 * CopyImage: an image of the caller's own, in the region that the call goes to, over new snapshots of the same layers: nothing is
 * copied on the disk, so it takes no time whatever the size, but for what is encrypted on the way.
 */
export function copyImage(domain: Domain): Ec2Mutation<'CopyImage'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: [
      'Name',
      'SourceImageId',
      'SourceRegion',
      'ClientToken',
      'Description',
      'Encrypted',
      'KmsKeyId',
      'CopyImageTags',
      'TagSpecifications',
    ],
    apply: (context, input) => {
      const { Name: name = '', SourceRegion: sourceRegion } = input
      if (!input.SourceImageId) throw missingParameter('SourceImageId')
      if (!sourceRegion) throw missingParameter('SourceRegion')
      if (!domain.regions.get(sourceRegion)) {
        throw invalidParameterValue('sourceRegion', sourceRegion.slice(0, 80), 'There is no such region.')
      }
      requireNewImage(domain, context, { name, description: input.Description })
      const source = findVisibleImage(store, { ...context, region: sourceRegion }, input.SourceImageId)
      requireAvailableImage(source)
      requireAllowedImage(domain, { ...context, region: sourceRegion }, source)
      if (source.productCodes && source.accountId !== context.accountId) {
        throw new Ec2Error(
          'InvalidRequest',
          'Images from AWS Marketplace cannot be copied to another AWS account. Launch an instance of it and create an image of that.',
        )
      }
      const tags = readTagSpecifications(input.TagSpecifications, ['image', 'snapshot'])
      const id = newId('ami', domain.random)
      const snapshots = source.blockDevices.map((device) => copySnapshotOf(domain, context, source, device, id, input))
      for (const snapshot of snapshots) putTags(store, context, snapshot.id, 'snapshot', tags.get('snapshot') ?? [])
      const blockDevices = source.blockDevices.map((device, index) => ({
        ...device,
        snapshotId: snapshots[index]?.id ?? device.snapshotId,
      }))
      // What is encrypted on the way takes its time.
      const isReady = snapshots.every(({ state }) => state === 'completed')
      const { accountId, region } = context
      const { architecture, rootDeviceName, enaSupport, imdsSupport } = source
      const loginUser = findLoginUser(store, source)
      store.images.insert({
        accountId,
        region,
        id,
        name,
        ...(input.Description ? { description: input.Description } : {}),
        architecture,
        state: isReady ? 'available' : 'pending',
        creationDate: context.now.toISOString(),
        imageLocation: `${accountId}/${name}`,
        ...withProductCodes(source.productCodes),
        rootDeviceName,
        blockDevices,
        ...bootSettingsOf(source),
        enaSupport,
        ...(imdsSupport ? { imdsSupport } : {}),
        sourceImageId: source.id,
        sourceImageRegion: source.region,
        ...(loginUser === undefined ? {} : { loginUser }),
      })
      // Tags of another account are not the caller's to take.
      const isCopyingTags = input.CopyImageTags === true && source.accountId === accountId
      const copied = isCopyingTags ? store.tags.of(source.id) : []
      putTags(store, context, id, 'image', [...copied, ...(tags.get('image') ?? [])])
      context.afterCommit(() => domain.descriptionRefresher.refreshImage(id))
      if (isReady) {
        domain.events.publish({
          kind: 'image-state-change',
          resourceId: id,
          message: `${id} (${name}), a copy of ${source.id}, is available`,
        })
      }
      return { ImageId: id }
    },
  }
}

function copySnapshotOf(
  domain: Domain,
  context: MutationContext,
  image: ImageRecord,
  device: ImageBlockDevice,
  copyId: string,
  { Encrypted, KmsKeyId }: CopyImageRequest,
): SnapshotRecord {
  const source = findSourceSnapshot(domain, context, image, device)
  const description = `Copied for DestinationAmi ${copyId} from SourceAmi ${image.id} for SourceSnapshot ${source.id}. Task created on ${context.now.toISOString()}.`
  return recordSnapshotCopy(domain, context, source, { Description: description, Encrypted, KmsKeyId, imageId: copyId })
}

/** Whoever launches an image needs no permission to its snapshots; whoever copies it does. */
function findSourceSnapshot(
  { store }: Domain,
  context: MutationContext,
  image: ImageRecord,
  device: ImageBlockDevice,
): SnapshotRecord {
  const snapshot = visibleSnapshots(store).get({ ...context, region: image.region }, device.snapshotId)
  if (snapshot) return snapshot
  throw new Ec2Error('InvalidRequest', 'You do not have permission to access the storage of this ami')
}
