import { z } from 'zod'

/** Products of the marketplace and subscriptions to them. */
export const marketplaceInputs = {
  /** What the marketplace offers, without the licences. */
  KilnDescribeProducts: z.strictObject({}),
  /** With its licence; by name or product code. */
  KilnDescribeProduct: z.strictObject({ Product: z.string().max(128) }),
  /** Accepts the licence with that digest for the account, and has the image made where it is not there yet. */
  KilnSubscribe: z.strictObject({ Product: z.string().max(128), LicenceSha256: z.string().max(128) }),
  KilnUnsubscribe: z.strictObject({ Product: z.string().max(128) }),
  /** Reads the catalogue of marketplace.url again. */
  KilnUpdateMarketplace: z.strictObject({}),
}

export interface MarketplaceOutputs {
  KilnDescribeProducts: { Products: ProductDescription[] }
  KilnDescribeProduct: { Product: ProductDescription & { Licence: string } }
  KilnSubscribe: { Subscription: SubscriptionDescription; ImageId?: string; TaskId?: string }
  KilnUnsubscribe: { Product: string }
  KilnUpdateMarketplace: { Products: ProductDescription[] }
}

export interface ProductDescription {
  Name: string
  ProductCode: string
  Publisher: { Name: string; AccountId: string }
  Title: string
  Version: string
  Description: string
  Architecture: string
  LicenceSha256: string
  /** The image of this version in the region, once somebody has got it. */
  ImageId?: string
  /** The caller's. */
  Subscription?: SubscriptionDescription
}

export interface SubscriptionDescription {
  AcceptedAt: string
  AcceptedBy: string
  LicenceSha256: string
  /** False when the licence has changed since: then it must be accepted again. */
  IsCurrent: boolean
}
