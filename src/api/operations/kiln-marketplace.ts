import type { Domain } from '../../ec2/domain.ts'
import { categoryOf } from '../../ec2/image/image-category.ts'
import { findLoginUser } from '../../ec2/image/login-user.ts'
import { visibleImages } from '../../ec2/image/visible-image.ts'
import { findSubscription, type Product, type SubscriptionRecord } from '../../ec2/marketplace/marketplace.ts'
import { findProductImage, getProductImage, offerProductImage } from '../../ec2/marketplace/product-image.ts'
import { findProduct, subscribe, unsubscribe } from '../../ec2/marketplace/subscribe.ts'
import type { CallContext, MutationContext } from '../../ec2/operation.ts'
import { readPage } from '../../ec2/page.ts'
import type { AnyOperation } from '../dispatch.ts'
import { type KilnInput, mutation, query } from '../kiln-operation.ts'
import type { KilnOutputs } from '../kiln-operations.ts'
import type { ProductDescription, SubscriptionDescription } from '../kiln/marketplace.ts'
import { startTask } from './kiln-task.ts'

/** The categories of images, and the marketplace. */
export function kilnMarketplaceOperations(domain: Domain): Record<string, AnyOperation> {
  const { store, marketplace } = domain
  const describeAll = (context: CallContext) => ({
    Products: marketplace.list().map((product) => describeProduct(domain, context, product)),
  })
  return {
    KilnDescribeImageCategories: query('KilnDescribeImageCategories', (context, { Category: wanted }) => ({
      Images: readPage(visibleImages(store), context, {}, (images) => [...images])
        .records.map((image) => {
          const loginUser = findLoginUser(store, image)
          const Category = categoryOf(domain, context, image)
          return { ImageId: image.id, Category, ...(loginUser === undefined ? {} : { LoginUser: loginUser }) }
        })
        .filter(({ Category: category }) => wanted === undefined || category === wanted),
    })),
    KilnDescribeProducts: query('KilnDescribeProducts', describeAll),
    KilnDescribeProduct: query('KilnDescribeProduct', (context, input) => {
      const product = findProduct(domain, input.Product)
      return { Product: { ...describeProduct(domain, context, product), Licence: product.licence } }
    }),
    KilnSubscribe: mutation('KilnSubscribe', (context, input) => subscribeTo(domain, context, input)),
    KilnUnsubscribe: mutation('KilnUnsubscribe', (context, input) => {
      const product = marketplace.find(input.Product) ?? marketplace.findByCode(input.Product)
      // What is in no catalogue any more is known by its code, or by the name that it had.
      const known = store.subscriptions
        .listAll()
        .find(({ accountId, productName }) => accountId === context.accountId && productName === input.Product)
      unsubscribe(domain, context, product?.productCode ?? known?.productCode ?? input.Product)
      return { Product: input.Product }
    }),
    KilnUpdateMarketplace: {
      ...query('KilnUpdateMarketplace', async (context) => {
        await marketplace.update(new AbortController().signal)
        return describeAll(context)
      }),
      isAudited: true,
    },
  }
}

function subscribeTo(
  domain: Domain,
  context: MutationContext,
  input: KilnInput<'KilnSubscribe'>,
): KilnOutputs['KilnSubscribe'] {
  const product = findProduct(domain, input.Product)
  const record = subscribe(domain, context, product, input.LicenceSha256)
  const answer = { Subscription: describeSubscription(product, record) }
  if (product.source.kind === 'image') {
    const image = offerProductImage(domain.store, context, product)
    context.afterCommit(() => domain.descriptionRefresher.refreshImage(image.id))
    return { ...answer, ImageId: image.id }
  }
  const present = findProductImage(domain.store, context.region, product)
  if (present) return { ...answer, ImageId: present.id }
  const { region } = context
  return {
    ...answer,
    ...startTask(domain, context, 'get-product', product.name, (job) => getProductImage(domain, region, product, job)),
  }
}

function describeProduct({ store }: Domain, context: CallContext, product: Product): ProductDescription {
  const image = findProductImage(store, context.region, product)
  const subscription = findSubscription(store, context, product.productCode)
  return {
    Name: product.name,
    ProductCode: product.productCode,
    Publisher: { Name: product.publisher.name, AccountId: product.publisher.accountId },
    Title: product.title,
    Version: product.version,
    Description: product.description,
    Architecture: product.architecture,
    LicenceSha256: product.licenceSha256,
    ...(image ? { ImageId: image.id } : {}),
    ...(subscription ? { Subscription: describeSubscription(product, subscription) } : {}),
  }
}

function describeSubscription(product: Product, record: SubscriptionRecord): SubscriptionDescription {
  return {
    AcceptedAt: record.acceptedAt,
    AcceptedBy: record.acceptedBy,
    LicenceSha256: record.licenceSha256,
    IsCurrent: record.licenceSha256 === product.licenceSha256,
  }
}
