import type { Domain } from '../domain.ts'
import { selectRecords } from '../describe.ts'
import type { Ec2Query } from '../operation.ts'
import { requireAccounts } from '../sharing.ts'
import { leaveOutDeregistered } from './deregistered-image.ts'
import { readImageAllowance } from './allowed-images.ts'
import { describeImage } from './describe-image.ts'
import { ownerAliasOf } from './image-category.ts'
import { imageFilters } from './image-filters.ts'
import { isDeprecated } from './image-deprecation.ts'
import type { ImageRecord } from './image.ts'
import { visibleImages } from './visible-image.ts'

const ownerWords = ['self', 'amazon', 'aws-backup-vault', 'aws-marketplace']

/**
 * DescribeImages: the caller's images and those that it may launch. Left out unless asked for: disabled ones, and other accounts'
 * that are deprecated and not named.
 */
export function describeImages(domain: Domain): Ec2Query<'DescribeImages'> {
  const { store } = domain
  return {
    kind: 'query',
    parameters: [
      'ImageIds',
      'Filters',
      'Owners',
      'ExecutableUsers',
      'IncludeDeprecated',
      'IncludeDisabled',
      'MaxResults',
      'NextToken',
    ],
    filters: imageFilters(domain, { accountId: '' }).names,
    answer: (context, input) => {
      const { accountId, now } = context
      requireAccounts(input.Owners, ownerWords)
      requireAccounts(input.ExecutableUsers, ['self', 'all'])
      const allowance = readImageAllowance(domain, context)
      const isNamed = (input.ImageIds ?? []).length > 0
      const ids = leaveOutDeregistered(store, context, input.ImageIds ?? [])
      if (isNamed && ids.length === 0) return { Images: [] }
      const source = {
        collection: visibleImages(store),
        prefix: 'ami' as const,
        idParameter: 'imageIds',
        limits: { minimum: 1, maximum: 1000 },
        filters: imageFilters(domain, context, allowance),
      }
      const page = selectRecords(source, context, {
        ...input,
        ids,
        where: (image) =>
          (image.state !== 'disabled' || input.IncludeDisabled === true) &&
          (isNamed || input.IncludeDeprecated === true || image.accountId === accountId || !isDeprecated(image, now)) &&
          !allowance.isHidden(image) &&
          isOwnedBy(domain, image, accountId, input.Owners) &&
          isSharedWith(image, accountId, input.ExecutableUsers),
      })
      return {
        Images: page.records.map((image) => describeImage(domain, context, allowance, image)),
        ...page.token,
      }
    },
  }
}

function isOwnedBy(domain: Domain, image: ImageRecord, accountId: string, owners: readonly string[] = []): boolean {
  if (owners.length === 0) return true
  return owners.some(
    (owner) =>
      owner === image.accountId ||
      (owner === 'self' && image.accountId === accountId) ||
      owner === ownerAliasOf(domain, image),
  )
}

/** Explicit launch permissions only: `all` is the group, `self` the caller's account. */
function isSharedWith({ sharing }: ImageRecord, accountId: string, users: readonly string[] = []): boolean {
  if (users.length === 0) return true
  return users.some((user) =>
    user === 'all' ? sharing?.isPublic : sharing?.accountIds.includes(user === 'self' ? accountId : user),
  )
}
