import { unsupportedOperation } from '../errors.ts'
import type { ImageRecord } from '../image/image.ts'
import type { Store } from '../ports/store.ts'
import { requireCompleted, type SnapshotRecord } from '../snapshot/snapshot.ts'

/** Throws for a snapshot whose disk must not leave as a plain file: a marketplace product's, as on EC2, and an encrypted one. */
export function requireExportableSnapshot(snapshot: SnapshotRecord): SnapshotRecord {
  if (snapshot.encryptionKeyId !== undefined) {
    throw unsupportedOperation(`The snapshot ${snapshot.id} is encrypted: it cannot be exported.`)
  }
  return requireStorableSnapshot(snapshot)
}

/** Throws for a snapshot that cannot be stored. An encrypted one can: EC2 decrypts it on the way ("Securing your AMIs"). */
export function requireStorableSnapshot(snapshot: SnapshotRecord): SnapshotRecord {
  refuseProduct(snapshot)
  return requireCompleted(snapshot)
}

/** The same for an image with all of its snapshots. */
export function requireExportableImage(store: Store, image: ImageRecord): void {
  requireEach(store, image, requireExportableSnapshot)
}

/** The same for an image that is to be stored. */
export function requireStorableImage(store: Store, image: ImageRecord): void {
  requireEach(store, image, requireStorableSnapshot)
}

function requireEach({ snapshots }: Store, image: ImageRecord, require: (snapshot: SnapshotRecord) => unknown): void {
  refuseProduct(image)
  for (const { snapshotId } of image.blockDevices) {
    const snapshot = snapshots.find(snapshotId)
    if (snapshot) require(snapshot)
  }
}

function refuseProduct({ id, productCodes = [] }: ImageRecord | SnapshotRecord): void {
  if (productCodes.length === 0) return
  throw unsupportedOperation(
    `${id} belongs to the marketplace product ${productCodes.join(', ')}: it cannot be exported or stored.`,
  )
}
