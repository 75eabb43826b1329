import type { Domain } from '../domain.ts'
import type { Scope, Store } from '../ports/store.ts'
import { type Quotas, requireQuota } from '../quota.ts'
import { requireImageDescription } from './image-description.ts'
import { requireFreeImageName } from './image-name.ts'

/**
 * What holds for every new image, whatever it is made of. Throws InvalidAMIName.Malformed, InvalidAMIName.Duplicate,
 * InvalidParameterValue for its description, ResourceLimitExceeded.
 */
export function requireNewImage(
  { store, settings }: Pick<Domain, 'store' | 'settings'>,
  scope: Scope,
  { name, description = '' }: { name: string; description?: string | undefined },
): void {
  requireFreeImageName(store, scope, name)
  requireImageDescription(description)
  requireImageQuota({ store, quotas: settings.quotas }, scope)
}

/** What holds besides for an image and its snapshots that are made of disk files. Throws ResourceLimitExceeded, SnapshotLimitExceeded. */
export function requireQuotasOfDiskImage(domain: { store: Store; quotas: Quotas }, scope: Scope, added = 1): void {
  requireImageQuota(domain, scope)
  const { store, quotas } = domain
  requireQuota(quotas, 'snapshots', { present: store.snapshots.count(scope), added, code: 'SnapshotLimitExceeded' })
}

/** Throws ResourceLimitExceeded. */
export function requireImageQuota({ store, quotas }: { store: Store; quotas: Quotas }, scope: Scope): void {
  requireQuota(quotas, 'images', { present: store.images.count(scope), code: 'ResourceLimitExceeded' })
}
