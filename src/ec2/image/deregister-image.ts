import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Domain } from '../domain.ts'
import { findOne } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { removeSnapshot } from '../snapshot/delete-snapshot.ts'

/** DeregisterImage: no new launches; instances go on. With DeleteAssociatedSnapshots the snapshots that no other image maps go too. */
export function deregisterImage(domain: Domain): Ec2Mutation<'DeregisterImage'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['ImageId', 'DeleteAssociatedSnapshots'],
    apply: (context, input) => {
      const image = findOne('ami', input.ImageId ?? '', (id) => {
        const found = store.images.get(context, id)
        return found?.state === 'deregistered' ? undefined : found
      })
      store.images.remove(image.id)
      store.tags.removeAll(image.id)
      context.afterCommit(() => {
        void fsExtra.remove(join(domain.paths.images, image.id))
        void domain.layers.collect()
      })
      domain.events.publish({
        kind: 'image-state-change',
        resourceId: image.id,
        message: `${image.id} (${image.name}) is deregistered`,
      })
      if (!input.DeleteAssociatedSnapshots) return { Return: true }
      const results = image.blockDevices.map(({ snapshotId }) => {
        const isShared = store.images
          .list(context)
          .some(({ blockDevices }) => blockDevices.some((device) => device.snapshotId === snapshotId))
        if (isShared) return { SnapshotId: snapshotId, ReturnCode: 'skipped' as const }
        removeSnapshot(domain, context, snapshotId)
        return { SnapshotId: snapshotId, ReturnCode: 'success' as const }
      })
      return { Return: true, DeleteSnapshotResults: results }
    },
  }
}
