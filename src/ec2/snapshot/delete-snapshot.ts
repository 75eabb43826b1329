import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'

/** DeleteSnapshot: refused while an AMI maps it. Its layer goes as soon as no volume stands on it. */
export function deleteSnapshot(domain: Domain): Ec2Mutation<'DeleteSnapshot'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['SnapshotId'],
    apply: (context, input) => {
      const snapshot = findOne('snap', input.SnapshotId ?? '', (id) => store.snapshots.get(context, id))
      const user = store.images
        .list(context)
        .find(({ blockDevices }) => blockDevices.some(({ snapshotId }) => snapshotId === snapshot.id))
      if (user) {
        throw new Ec2Error('InvalidSnapshot.InUse', `The snapshot ${snapshot.id} is currently in use by ${user.id}`)
      }
      removeSnapshot(domain, context, snapshot.id)
      return {}
    },
  }
}

/** Removes a snapshot that no image maps; inside a mutation. */
export function removeSnapshot(
  { store, layers }: Domain,
  context: { afterCommit(effect: () => void): void },
  snapshotId: string,
): void {
  store.snapshots.remove(snapshotId)
  store.tags.removeAll(snapshotId)
  context.afterCommit(() => void layers.collect())
}
