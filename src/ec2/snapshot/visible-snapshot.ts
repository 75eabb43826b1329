import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { Collection, Scope, Store } from '../ports/store.ts'
import { visibleRecords } from '../sharing.ts'
import { snapshotBlockPublicAccess } from './block-public-access.ts'
import type { SnapshotRecord } from './snapshot.ts'

/** What an account sees: its own snapshots, and those that are shared with it or with everyone. */
export function visibleSnapshots(store: Store): Pick<Collection<SnapshotRecord>, 'get' | 'page'> {
  return visibleRecords(
    store.snapshots,
    (snapshot, accountId) =>
      isPublicSnapshot(store, snapshot) || snapshot.sharing?.accountIds.includes(accountId) === true,
  )
}

/** Whether everyone may use it: what is public counts as private while its owner blocks all sharing. */
export function isPublicSnapshot(store: Store, snapshot: SnapshotRecord): boolean {
  if (!snapshot.sharing?.isPublic) return false
  return snapshotBlockPublicAccess.get(store, snapshot).state !== 'block-all-sharing'
}

/**
 * A snapshot that the caller may make volumes of, its own or another account's. Throws InvalidSnapshotID.Malformed or
 * InvalidSnapshot.NotFound.
 */
export function findVisibleSnapshot(store: Store, scope: Scope, id: string | undefined): SnapshotRecord {
  return findOne('snap', id ?? '', (wanted) => visibleSnapshots(store).get(scope, wanted))
}

/** A snapshot that the caller may change. Throws as findVisibleSnapshot, and AuthFailure for another account's. */
export function findOwnSnapshot(
  { store }: Pick<Domain, 'store'>,
  scope: Scope,
  id: string | undefined,
): SnapshotRecord {
  const snapshot = findVisibleSnapshot(store, scope, id)
  if (snapshot.accountId === scope.accountId) return snapshot
  throw new Ec2Error('AuthFailure', `Not authorized for snapshot:${snapshot.id}`, 403)
}
