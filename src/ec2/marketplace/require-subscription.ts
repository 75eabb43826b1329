import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import type { Scope } from '../ports/store.ts'
import { findSubscription } from './marketplace.ts'

/**
 * Throws OptInRequired unless the account has accepted the licence of each product, as it is now. A product's own publisher needs no
 * subscription. Who has subscribed to what is in no catalogue any more goes on with it.
 */
export function requireSubscription(
  { store, marketplace }: Pick<Domain, 'store' | 'marketplace'>,
  scope: Scope,
  productCodes: readonly string[] = [],
): void {
  for (const code of productCodes) {
    const product = marketplace.findByCode(code)
    if (product?.publisher.accountId === scope.accountId) continue
    const subscription = findSubscription(store, scope, code)
    const name = product?.name ?? subscription?.productName
    const remedy = name === undefined ? 'No catalogue here has it.' : `To do so: kiln marketplace subscribe ${name}`
    if (!subscription) {
      throw new Ec2Error(
        'OptInRequired',
        `In order to use this AWS Marketplace product you need to accept terms and subscribe (product code ${code}). ${remedy}`,
        401,
      )
    }
    if (!product || product.licenceSha256 === subscription.licenceSha256) continue
    throw new Ec2Error(
      'OptInRequired',
      `The licence of the AWS Marketplace product ${name} has changed since it was accepted at ${subscription.acceptedAt}: you need to accept it again. ${remedy}`,
      401,
    )
  }
}
