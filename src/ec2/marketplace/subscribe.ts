import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import type { CallContext, MutationContext } from '../operation.ts'
import {
  findSubscription,
  type Product,
  subscriptionIdOf,
  subscriptionScopeOf,
  type SubscriptionRecord,
} from './marketplace.ts'

/** A product by its name or its code. Throws InvalidProduct.NotFound. */
export function findProduct({ marketplace }: Pick<Domain, 'marketplace'>, name: string): Product {
  const product = marketplace.find(name) ?? marketplace.findByCode(name)
  if (product) return product
  throw new Ec2Error('InvalidProduct.NotFound', `The marketplace of this host has no product ${name.slice(0, 80)}.`)
}

/** Records that the account accepts the licence of a product; inside a mutation. The digest says which text was read. */
export function subscribe(
  { store }: Pick<Domain, 'store'>,
  context: MutationContext,
  product: Product,
  licenceSha256: string,
): SubscriptionRecord {
  if (licenceSha256 !== product.licenceSha256) {
    throw invalidParameterValue(
      'LicenceSha256',
      licenceSha256.slice(0, 80),
      `It is not the digest of the present licence of ${product.name}: read that, and accept it.`,
    )
  }
  const present = findSubscription(store, context, product.productCode)
  if (present?.licenceSha256 === licenceSha256) return present
  const record: SubscriptionRecord = {
    ...subscriptionScopeOf(context),
    id: subscriptionIdOf(context.accountId, product.productCode),
    productCode: product.productCode,
    productName: product.name,
    title: product.title,
    publisherName: product.publisher.name,
    licenceSha256,
    acceptedAt: context.now.toISOString(),
    acceptedBy: context.identity.arn,
  }
  if (present) store.subscriptions.replace(record)
  else store.subscriptions.insert(record)
  return record
}

/** Ends a subscription; inside a mutation. Instances go on; nothing more is launched. */
export function unsubscribe({ store }: Pick<Domain, 'store'>, context: CallContext, productCode: string): void {
  const present = findSubscription(store, context, productCode)
  if (!present) {
    throw new Ec2Error('InvalidSubscription.NotFound', `The account has not subscribed to the product ${productCode}.`)
  }
  store.subscriptions.remove(present.id)
}
