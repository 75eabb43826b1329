import type { Domain } from '../domain.ts'
import { missingParameter } from '../errors.ts'
import { newId } from '../ids.ts'
import { bootSettingsOf } from '../image/boot-settings.ts'
import { requireNewImage, requireQuotasOfDiskImage } from '../image/new-image.ts'
import type { ImageRecord } from '../image/image.ts'
import type { Ec2Mutation } from '../operation.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { requireBucket } from './require-bucket.ts'
import { readOwnTags, readStoredImage, type StoredImage } from './stored-image.ts'
import { requireTransferQuota } from './transfer-quota.ts'
import type { RestoreImageRecord } from './transfer.ts'

/**
 * CreateRestoreImageTask: an AMI of a stored one, `pending` until its disks are there. What is stored is looked at before the call is
 * answered: its name, if no other is given, must be free.
 */
export function createRestoreImageTask(domain: Domain): Ec2Mutation<'CreateRestoreImageTask', StoredImage> {
  const { store, random, objects, archive } = domain
  return {
    kind: 'mutation',
    parameters: ['Bucket', 'ObjectKey', 'Name', 'TagSpecifications'],
    prepare: async (context, { Bucket: bucket, ObjectKey: key }) => {
      if (!bucket) throw missingParameter('Bucket')
      if (!key) throw missingParameter('ObjectKey')
      requireBucket(domain, context, bucket)
      objects.requirePlace({ bucket, key })
      const head = await objects.readStart({ bucket, key }, archive.headBytes)
      return readStoredImage(await archive.readManifest(head)).contents
    },
    apply: (context, input, stored) => {
      const { accountId, region } = context
      const { Bucket: bucket = '', ObjectKey: key = '', Name: name = stored.image.name } = input
      const { id: _sourceId, tags: storedTags, name: _storedName, ...about } = stored.image
      requireNewImage(domain, context, { name, description: about.description })
      requireQuotasOfDiskImage({ store, quotas: domain.settings.quotas }, context, stored.disks.length)
      requireTransferQuota(domain, context, ['restore-image'])
      const tags = readTagSpecifications(input.TagSpecifications, ['image', 'snapshot'])
      const image: ImageRecord = {
        accountId,
        region,
        id: newId('ami', random),
        name,
        ...withoutAbsent(about),
        state: 'pending',
        creationDate: context.now.toISOString(),
        imageLocation: `${accountId}/${name}`,
        // Its snapshots are there when it is.
        blockDevices: [],
      }
      const transfer: RestoreImageRecord = {
        accountId,
        region,
        id: newId('task', random),
        kind: 'restore-image',
        state: 'active',
        startedAt: context.now.toISOString(),
        imageId: image.id,
        bucket,
        key,
        snapshotTags: tags.get('snapshot') ?? [],
      }
      store.images.insert(image)
      putTags(store, context, image.id, 'image', [...readOwnTags(storedTags), ...(tags.get('image') ?? [])])
      store.transfers.insert(transfer)
      context.afterCommit(() => domain.transfers.start(transfer.id))
      return { ImageId: image.id }
    },
  }
}

type About = Omit<StoredImage['image'], 'id' | 'tags' | 'name'>

function withoutAbsent({
  description,
  imdsSupport,
  loginUser,
  architecture,
  rootDeviceName,
  enaSupport,
  ...boot
}: About) {
  return {
    ...{ architecture, rootDeviceName, enaSupport },
    ...bootSettingsOf({ ...boot, tpmSupport: boot.tpmSupport, uefiData: boot.uefiData }),
    ...(description ? { description } : {}),
    ...(imdsSupport ? { imdsSupport } : {}),
    ...(loginUser ? { loginUser } : {}),
  }
}
