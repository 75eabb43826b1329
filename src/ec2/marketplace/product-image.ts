import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import type { ImageJob } from '../image/image-work.ts'
import type { ImageRecord } from '../image/image.ts'
import { changeSharing } from '../sharing.ts'
import type { Scope, Store } from '../ports/store.ts'
import type { TaskResult } from '../task/task.ts'
import type { Marketplace, Product } from './marketplace.ts'
import { withProductCodes } from './product-code.ts'

/** The image of a product's present version in a region; undefined until somebody has got it. */
export function findProductImage(store: Store, region: string, product: Product): ImageRecord | undefined {
  const { source, publisher, productCode } = product
  if (source.kind === 'image') {
    const image = store.images.get({ accountId: publisher.accountId, region }, source.imageId)
    return image?.state === 'available' ? image : undefined
  }
  return store.images
    .listBy('name', imageNameOf(product))
    .find(
      (image) =>
        image.region === region &&
        image.accountId === publisher.accountId &&
        image.state === 'available' &&
        image.productCodes?.includes(productCode),
    )
}

/** What the image of a product's present version is called. */
export function imageNameOf({ name, version }: Product): string {
  return `${name}-${version}`
}

/**
 * Makes the image of a product that is a file or in a registry, once for all accounts: it belongs to the publisher's account, and everyone
 * sees it. Whoever comes second gets the image that is there.
 */
export async function getProductImage(
  domain: Pick<Domain, 'store' | 'imageWork' | 'registryWork'>,
  region: string,
  product: Product,
  job: ImageJob,
): Promise<TaskResult> {
  const present = findProductImage(domain.store, region, product)
  if (present) return { imageId: present.id }
  try {
    return await makeProductImage(domain, { accountId: product.publisher.accountId, region }, product, job)
  } catch (error) {
    const made = findProductImage(domain.store, region, product)
    if (!made || !(error instanceof Ec2Error) || error.code !== 'InvalidAMIName.Duplicate') throw error
    return { imageId: made.id }
  }
}

async function makeProductImage(
  { imageWork, registryWork }: Pick<Domain, 'imageWork' | 'registryWork'>,
  scope: Scope,
  product: Product,
  job: ImageJob,
): Promise<TaskResult> {
  const { source, productCode, architecture, loginUser } = product
  const name = imageNameOf(product)
  const description = `${product.title} ${product.version} by ${product.publisher.name}`.slice(0, 255)
  switch (source.kind) {
    case 'image':
      throw noSuchImage(product, scope.region)
    case 'registry': {
      const { reference } = source
      const offered = { productCode, architecture, loginUser, description }
      return await registryWork.pull(scope, { reference, name, product: offered, isPublic: true }, job)
    }
    case 'file': {
      const { location, checksum } = source
      const productCodes = [productCode]
      const request = { source: location, name, description, architecture, checksum, loginUser, productCodes }
      return await imageWork.import(scope, request, job)
    }
  }
}

/** An image that its publisher has made becomes the product's: it has its code from now on. Inside a mutation. */
export function offerProductImage(store: Store, { accountId, region }: Scope, product: Product): ImageRecord {
  const image = findProductImage(store, region, product)
  if (!image) throw noSuchImage(product, region)
  const buyer = { accountIds: accountId === image.accountId ? [] : [accountId], hasAll: false }
  const shared = image.sharing?.isPublic
    ? image
    : changeSharing(image, { added: buyer, removed: { accountIds: [], hasAll: false } })
  const offered = { ...shared, ...withProductCodes(image.productCodes, [product.productCode]) }
  store.images.replace(offered)
  return offered
}

/** Images that the catalogue has made products of are launched by subscribers only, whoever they were shared with before. */
export function attachProductCodes({ store }: { store: Store }, marketplace: Marketplace): void {
  store.transaction(() => {
    for (const { source, publisher, productCode } of marketplace.list()) {
      const image = source.kind === 'image' ? store.images.find(source.imageId) : undefined
      if (!image || image.accountId !== publisher.accountId || image.productCodes?.includes(productCode)) continue
      store.images.replace({ ...image, ...withProductCodes(image.productCodes, [productCode]) })
    }
  })
}

function noSuchImage({ name, source, publisher }: Product, region: string): Ec2Error {
  const id = source.kind === 'image' ? source.imageId : ''
  return new Ec2Error(
    'InvalidAMIID.NotFound',
    `The image id '[${id}]' of the product ${name} does not exist: the account ${publisher.accountId} has no such image in ${region}.`,
  )
}
