import { unsupportedOperation } from '../errors.ts'
import type { ImageRecord } from '../image/image.ts'
import type { Store } from '../ports/store.ts'
import { requireCompleted, type SnapshotRecord } from '../snapshot/snapshot.ts'

/** Throws for a snapshot whose disk must not leave as a plain file: a marketplace product's, as on EC2, and an encrypted one. */
export function requireExportableSnapshot(snapshot: SnapshotRecord): SnapshotRecord {
  refuseProduct(snapshot)
  if (snapshot.encryptionKeyId !== undefined) {
    throw unsupportedOperation(`The snapshot ${snapshot.id} is encrypted: it cannot be exported or stored.`)
  }
  return requireCompleted(snapshot)
}

/** The same for an image with all of its snapshots. */
export function requireExportableImage({ snapshots }: Store, image: ImageRecord): void {
  refuseProduct(image)
  for (const { snapshotId } of image.blockDevices) {
    const snapshot = snapshots.find(snapshotId)
    if (snapshot) requireExportableSnapshot(snapshot)
  }
}

function refuseProduct({ id, productCodes = [] }: ImageRecord | SnapshotRecord): void {
  if (productCodes.length === 0) return
  throw unsupportedOperation(
    `${id} belongs to the marketplace product ${productCodes.join(', ')}: it cannot be exported or stored.`,
  )
}
