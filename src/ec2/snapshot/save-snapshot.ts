import type { Domain } from '../domain.ts'
import type { MutationContext } from '../operation.ts'
import type { SnapshotRecord } from './snapshot.ts'

/** Records a changed snapshot, and on disk what its layer says of it; inside a mutation. */
export function saveSnapshot(
  { store, descriptionRefresher }: Domain,
  context: MutationContext,
  snapshot: SnapshotRecord,
): void {
  store.snapshots.replace(snapshot)
  context.afterCommit(() => descriptionRefresher.refreshLayer(snapshot.layerId))
}
