import type { Domain } from '../domain.ts'
import { pipelineTag } from '../pipeline/pipeline.ts'
import type { Scope, Store } from '../ports/store.ts'
import { imageTag } from './image-tag.ts'
import type { ImageRecord } from './image.ts'

/** Where an account finds an image: the tabs of EC2's launch wizard, and what pipelines have built. */
export const imageCategories = ['quick-start', 'mine', 'community', 'marketplace', 'pipelines'] as const
export type ImageCategory = (typeof imageCategories)[number]

type Views = Pick<Domain, 'store' | 'marketplace'>

/** The category of an image as the caller sees it. What is shared with an account by its number is among its own, as on EC2. */
export function categoryOf(views: Views, { accountId }: Pick<Scope, 'accountId'>, image: ImageRecord): ImageCategory {
  const alias = ownerAliasOf(views, image)
  if (alias === 'aws-marketplace') return 'marketplace'
  if (image.accountId === accountId) {
    if (alias === 'amazon') return 'quick-start'
    return tagKeysOf(views.store, image).includes(pipelineTag.pipeline) ? 'pipelines' : 'mine'
  }
  return image.sharing?.accountIds.includes(accountId) ? 'mine' : 'community'
}

/**
 * EC2's `ImageOwnerAlias`: `amazon` of what comes from the Quick Start's recipes and catalogue, `aws-marketplace` of what its publisher
 * offers in the marketplace.
 */
export function ownerAliasOf(
  { store, marketplace }: Views,
  image: ImageRecord,
): 'amazon' | 'aws-marketplace' | undefined {
  const isOffered = image.productCodes?.some(
    (code) => marketplace.findByCode(code)?.publisher.accountId === image.accountId,
  )
  if (isOffered) return 'aws-marketplace'
  return isQuickStart(store, image) ? 'amazon' : undefined
}

/** Images that an older Kiln has made say so by their tags alone. */
function isQuickStart(store: Store, image: ImageRecord): boolean {
  if (image.origin === 'quick-start') return true
  if (image.sourceInstanceId !== undefined || image.sourceImageId !== undefined) return false
  const keys = tagKeysOf(store, image)
  return keys.includes(imageTag.recipe) || keys.includes(imageTag.catalog)
}

function tagKeysOf(store: Store, { id }: ImageRecord): string[] {
  return store.tags.of(id).map(({ key }) => key)
}
