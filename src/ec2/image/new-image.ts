import type { Domain } from '../domain.ts'
import type { Scope } from '../ports/store.ts'
import { requireQuota } from '../quota.ts'
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
  requireQuota(settings.quotas, 'images', { present: store.images.count(scope), code: 'ResourceLimitExceeded' })
}
