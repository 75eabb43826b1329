import type { ResourceRecord, Scope, Store } from '../ports/store.ts'
import type { ImageRecord } from './image.ts'

/** An image that is no more, but whose id is still known. */
export interface DeregisteredImageRecord extends ResourceRecord {
  readonly deregisteredAt: string
}

/** As long as a terminated instance stays visible by default. */
const retentionMs = 3_600_000

/**
 * Keeps the id of an image that is being deregistered for an hour: DescribeImages leaves such ids out rather than failing. Clients that
 * wait for a deregistration ask for the id until nothing is answered, and take an error for a failure (Ansible's ec2_ami).
 */
export function rememberDeregistered(store: Store, { accountId, region, id }: ImageRecord, now: Date): void {
  const scope = { accountId, region }
  for (const old of store.deregisteredImages.list(scope)) {
    if (now.getTime() - Date.parse(old.deregisteredAt) > retentionMs) store.deregisteredImages.remove(old.id)
  }
  store.deregisteredImages.insert({ ...scope, id, deregisteredAt: now.toISOString() })
}

/** The ids without those of images that were deregistered lately. */
export function leaveOutDeregistered(store: Store, scope: Scope, ids: readonly string[]): string[] {
  return ids.filter((id) => !store.deregisteredImages.get(scope, id))
}
