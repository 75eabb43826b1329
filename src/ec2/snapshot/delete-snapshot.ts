import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { recycleSnapshot } from '../recycle-bin/recycled.ts'
import { requireUnlocked } from './snapshot-lock.ts'
import { findOwnSnapshot } from './visible-snapshot.ts'

/**
 * DeleteSnapshot: refused while an AMI maps it or a lock holds it. It goes into the Recycle Bin where a rule says so; else its layer goes as
 * soon as no volume stands on it.
 */
export function deleteSnapshot(domain: Domain): Ec2Mutation<'DeleteSnapshot'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['SnapshotId'],
    apply: (context, input) => {
      const snapshot = findOwnSnapshot(domain, context, input.SnapshotId)
      const [user] = store.images.listBy('blockDevices[].snapshotId', snapshot.id)
      if (user) {
        throw new Ec2Error('InvalidSnapshot.InUse', `The snapshot ${snapshot.id} is currently in use by ${user.id}`)
      }
      requireUnlocked(snapshot, context.now)
      removeSnapshot(domain, context, snapshot.id)
      return {}
    },
  }
}

/** Removes a snapshot that no image maps, or puts it into the Recycle Bin; inside a mutation. */
export function removeSnapshot(
  { store, layers, descriptionRefresher }: Domain,
  context: Pick<MutationContext, 'now' | 'afterCommit'>,
  snapshotId: string,
): void {
  const snapshot = store.snapshots.find(snapshotId)
  const layerId = snapshot?.layerId
  if (snapshot) recycleSnapshot({ store }, context, snapshot)
  store.snapshots.remove(snapshotId)
  store.tags.removeAll(snapshotId)
  context.afterCommit(() => {
    // A layer that stays must not tell of the snapshot any more.
    void layers.collect().then(() => layerId !== undefined && descriptionRefresher.refreshLayer(layerId))
  })
}
