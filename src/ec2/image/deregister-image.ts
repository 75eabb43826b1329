import type { DeleteSnapshotReturnCode } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { recycleImage } from '../recycle-bin/recycled.ts'
import { removeSnapshot } from '../snapshot/delete-snapshot.ts'
import { isLocked } from '../snapshot/snapshot-lock.ts'
import { requireUnprotected } from './deregistration-protection.ts'
import { rememberDeregistered } from './deregistered-image.ts'
import type { ImageRecord } from './image.ts'
import { findOwnImage } from './visible-image.ts'

/**
 * DeregisterImage: no new launches; instances go on. With DeleteAssociatedSnapshots the snapshots that no other image maps go too. What a
 * rule of the Recycle Bin is about goes there.
 */
export function deregisterImage(domain: Domain): Ec2Mutation<'DeregisterImage'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['ImageId', 'DeleteAssociatedSnapshots'],
    apply: (context, input) => {
      const image = findOwnImage(domain, context, input.ImageId)
      requireUnprotected(image, context.now)
      recycleImage(domain, context, image)
      store.images.remove(image.id)
      rememberDeregistered(store, image, context.now)
      store.tags.removeAll(image.id)
      context.afterCommit(() => {
        domain.descriptionRefresher.refreshImage(image.id)
        domain.warmTemplates.wake(image.id)
        void domain.layers.collect()
      })
      domain.events.publish({
        kind: 'image-state-change',
        resourceId: image.id,
        message: `${image.id} (${image.name}) is deregistered`,
      })
      if (!input.DeleteAssociatedSnapshots) return { Return: true }
      return { Return: true, DeleteSnapshotResults: removeSnapshots(domain, context, image) }
    },
  }
}

/** Snapshots that another image maps, and locked ones, stay. */
function removeSnapshots(domain: Domain, context: MutationContext, image: ImageRecord): DeleteSnapshotReturnCode[] {
  const { store } = domain
  return image.blockDevices.map(({ snapshotId: id }) => {
    const snapshot = store.snapshots.get(context, id)
    const isUsed = store.images.countBy('blockDevices[].snapshotId', id) > 0
    if (!snapshot || isUsed) return { SnapshotId: id, ReturnCode: 'skipped' }
    if (isLocked(snapshot, context.now)) return { SnapshotId: id, ReturnCode: 'client-error' }
    removeSnapshot(domain, context, id)
    return { SnapshotId: id, ReturnCode: 'success' }
  })
}
