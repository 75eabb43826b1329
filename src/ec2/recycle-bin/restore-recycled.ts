import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { findOne, idNotFound, requireWellFormed } from '../ids.ts'
import { refuseTakenImageName } from '../image/image-name.ts'
import { requireImageQuota } from '../image/new-image.ts'
import type { Ec2Mutation } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { describeSnapshot } from '../snapshot/describe-snapshot.ts'

/** RestoreImageFromRecycleBin: the image as it was, once its snapshots are there. */
export function restoreImageFromRecycleBin(domain: Domain): Ec2Mutation<'RestoreImageFromRecycleBin'> {
  const { store, settings, descriptionRefresher, events } = domain
  return {
    kind: 'mutation',
    parameters: ['ImageId'],
    apply: (context, input) => {
      const { resource: image, tags } = findOne('ami', input.ImageId ?? '', (id) =>
        store.recycledImages.get(context, id),
      )
      const missing = image.blockDevices.map((device) => device.snapshotId).filter((id) => !store.snapshots.find(id))
      if (missing.length > 0) {
        throw new Ec2Error(
          'InvalidSnapshot.NotFound',
          `The image ${image.id} cannot be restored without its snapshots ${missing.join(', ')}. Restore those first: ListSnapshotsInRecycleBin tells which are in the Recycle Bin.`,
        )
      }
      refuseTakenImageName(store, context, image.name)
      requireImageQuota({ store, quotas: settings.quotas }, context)
      store.recycledImages.remove(image.id)
      store.deregisteredImages.remove(image.id)
      store.images.insert(image)
      store.tags.put(context, image.id, 'image', tags)
      context.afterCommit(() => descriptionRefresher.refreshImage(image.id))
      events.publish({
        kind: 'image-state-change',
        resourceId: image.id,
        message: `${image.id} (${image.name}) is restored from the Recycle Bin`,
      })
      return { Return: true }
    },
  }
}

export function restoreSnapshotFromRecycleBin(domain: Domain): Ec2Mutation<'RestoreSnapshotFromRecycleBin'> {
  const { store, settings, descriptionRefresher } = domain
  return {
    kind: 'mutation',
    parameters: ['SnapshotId'],
    apply: (context, input) => {
      const { resource: snapshot, tags } = findOne('snap', input.SnapshotId ?? '', (id) =>
        store.recycledSnapshots.get(context, id),
      )
      const present = store.snapshots.count(context)
      requireQuota(settings.quotas, 'snapshots', { present, code: 'SnapshotLimitExceeded' })
      store.recycledSnapshots.remove(snapshot.id)
      store.snapshots.insert(snapshot)
      store.tags.put(context, snapshot.id, 'snapshot', tags)
      context.afterCommit(() => descriptionRefresher.refreshLayer(snapshot.layerId))
      const {
        FullSnapshotSizeInBytes: _size,
        StateMessage: _message,
        CompletionTime: _completed,
        StorageTier: _tier,
        Tags: _tags,
        ...restored
      } = describeSnapshot(domain, snapshot)
      return restored
    },
  }
}

/** Volumes are not kept: no retention rule of Kiln is about them. */
export function restoreVolumeFromRecycleBin(): Ec2Mutation<'RestoreVolumeFromRecycleBin'> {
  return {
    kind: 'mutation',
    parameters: ['VolumeId'],
    apply: (_context, { VolumeId: id = '' }) => {
      requireWellFormed('vol', id)
      throw idNotFound('vol', [id])
    },
  }
}
