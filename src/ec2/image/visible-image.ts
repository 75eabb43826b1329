import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { Collection, Scope, Store } from '../ports/store.ts'
import { visibleRecords } from '../sharing.ts'
import type { ImageRecord } from './image.ts'

/** What an account sees: its own images, and those that are shared with it or with everyone. */
export function visibleImages({ images }: Store): Pick<Collection<ImageRecord>, 'get' | 'page'> {
  return visibleRecords(
    images,
    ({ sharing, state }, accountId) =>
      state === 'available' && (sharing?.isPublic || sharing?.accountIds.includes(accountId)) === true,
  )
}

/** An image that the caller may use, its own or another account's. Throws InvalidAMIID.Malformed or InvalidAMIID.NotFound. */
export function findVisibleImage(store: Store, scope: Scope, id: string | undefined): ImageRecord {
  return findOne('ami', id ?? '', (wanted) => visibleImages(store).get(scope, wanted))
}

/** An image that the caller may change. Throws as findVisibleImage, and AuthFailure for another account's. */
export function findOwnImage({ store }: Pick<Domain, 'store'>, scope: Scope, id: string | undefined): ImageRecord {
  const image = findVisibleImage(store, scope, id)
  if (image.accountId === scope.accountId) return image
  throw new Ec2Error('AuthFailure', `Not authorized for image:${image.id}`, 403)
}

/** Throws for an image that launches nothing. */
export function requireAvailableImage({ id, state }: ImageRecord): void {
  if (state === 'available') return
  throw new Ec2Error('InvalidAMIID.Unavailable', `The image id '[${id}]' is no longer available`)
}
