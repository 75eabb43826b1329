import type { Domain } from '../domain.ts'
import type { ImageRecord } from '../image/image.ts'
import type { MutationContext } from '../operation.ts'
import type { ResourceRecord, Tag } from '../ports/store.ts'
import type { SnapshotRecord } from '../snapshot/snapshot.ts'
import { retentionDaysOf } from './retention-rule.ts'

/** A resource in the Recycle Bin, under its own id: as it was, with its tags. */
export interface RecycledRecord<T extends ResourceRecord> extends ResourceRecord {
  readonly resource: T
  readonly tags: readonly Tag[]
  readonly enteredAt: string
  /** When it is deleted for good. */
  readonly exitAt: string
}

const millisecondsPerDay = 24 * 60 * 60 * 1000

/** Puts an image that is deregistered into the bin where a rule says so; inside a mutation, while its tags are there. */
export function recycleImage({ store }: Domain, context: MutationContext, image: ImageRecord): void {
  const tags = store.tags.of(image.id)
  const days = retentionDaysOf(store, image, 'EC2_IMAGE', tags)
  if (days !== undefined) store.recycledImages.insert(recycled(image, tags, days, context.now))
}

/** Puts a snapshot that is deleted into the bin where a rule says so: then its layer stays. */
export function recycleSnapshot(
  { store }: Pick<Domain, 'store'>,
  { now }: Pick<MutationContext, 'now'>,
  snapshot: SnapshotRecord,
): void {
  const tags = store.tags.of(snapshot.id)
  // One that never came to be has nothing to be restored.
  if (snapshot.state !== 'completed') return
  const days = retentionDaysOf(store, snapshot, 'EBS_SNAPSHOT', tags)
  if (days !== undefined) store.recycledSnapshots.insert(recycled(snapshot, tags, days, now))
}

function recycled<T extends ResourceRecord>(
  resource: T,
  tags: readonly Tag[],
  days: number,
  now: Date,
): RecycledRecord<T> {
  const { accountId, region, id } = resource
  const exitAt = new Date(now.getTime() + days * millisecondsPerDay)
  return { accountId, region, id, resource, tags, enteredAt: now.toISOString(), exitAt: exitAt.toISOString() }
}
