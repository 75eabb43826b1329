import type { Architecture } from '../ports/accelerator.ts'
import type { ResourceRecord, Scope, Store } from '../ports/store.ts'
import type { ImageReference } from '../registry/reference.ts'

/** Whoever offers products: an account of this Kiln, which owns their images. */
export interface Publisher {
  readonly name: string
  readonly accountId: string
}

/** Where the image of a product comes from. */
export type ProductSource =
  | { readonly kind: 'file'; readonly location: string; readonly checksum?: string }
  /** An image in a registry, as `kiln image push` has put it there. */
  | { readonly kind: 'registry'; readonly reference: ImageReference }
  /** An image that the publisher's account has made. */
  | { readonly kind: 'image'; readonly imageId: string }

/** What a marketplace catalogue offers: an image that is launched by those only who have accepted its licence. */
export interface Product {
  /** By which it is asked for; unique in the catalogue. */
  readonly name: string
  readonly productCode: string
  readonly publisher: Publisher
  readonly title: string
  readonly version: string
  readonly description: string
  readonly architecture: Architecture
  readonly licence: string
  /** Of the licence: whoever has accepted another text has not accepted this one. */
  readonly licenceSha256: string
  readonly loginUser?: string
  readonly source: ProductSource
}

/** The catalogue: the host's own file, and over the network what its URL has had when it was last updated. */
export interface Marketplace {
  list(): readonly Product[]
  find(name: string): Product | undefined
  findByCode(productCode: string): Product | undefined
  /** Downloads the catalogue of the configured URL and puts it in the place of the present one; nothing changes when that fails. */
  update(signal: AbortSignal): Promise<void>
}

/** An account that has accepted a product's licence, in all regions at once. */
export interface SubscriptionRecord extends ResourceRecord {
  readonly productCode: string
  readonly productName: string
  readonly title: string
  readonly publisherName: string
  readonly licenceSha256: string
  readonly acceptedAt: string
  /** Who accepted it. */
  readonly acceptedBy: string
}

/** Subscriptions are of an account everywhere. */
export function subscriptionScopeOf({ accountId }: Pick<Scope, 'accountId'>): Scope {
  return { accountId, region: 'aws-global' }
}

export function findSubscription(
  store: Store,
  { accountId }: Pick<Scope, 'accountId'>,
  productCode: string,
): SubscriptionRecord | undefined {
  return store.subscriptions.find(subscriptionIdOf(accountId, productCode))
}

export function subscriptionIdOf(accountId: string, productCode: string): string {
  return `${accountId}/${productCode}`
}
