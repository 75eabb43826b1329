import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Domain } from '../../../src/ec2/domain.ts'
import type { Product } from '../../../src/ec2/marketplace/marketplace.ts'
import { findProductImage, getProductImage } from '../../../src/ec2/marketplace/product-image.ts'
import { parseReference } from '../../../src/ec2/registry/reference.ts'
import { type DockerRegistry, startDockerRegistry } from './docker-registry.ts'
import { job, openRegistryBench, type RegistryBench, scope } from './registry-bench.ts'

const publisherId = '210987654321'
const code = 'acme1acme2acme3acme4acme5'
const otherCode = 'othr1othr2othr3othr4othr5'

let registry: DockerRegistry
beforeAll(async () => {
  registry = await startDockerRegistry()
})
afterAll(() => registry.close())

const referenceOf = (name: string) => parseReference(`${registry.host}/${name}`)

function productOf(name: string, change: Partial<Product> = {}): Product {
  return {
    name: 'acme-database',
    productCode: code,
    publisher: { name: 'Acme', accountId: publisherId },
    title: 'Acme Database',
    version: '12.3',
    description: '',
    architecture: 'x86_64',
    licence: 'Do no evil.',
    licenceSha256: '',
    source: { kind: 'registry', reference: referenceOf(name) },
    ...change,
  }
}

async function get(bench: RegistryBench, product: Product) {
  const imageWork = new Proxy({} as Domain['imageWork'], {
    get: () => () => Promise.reject(new Error('nothing is imported')),
  })
  const domain = { store: bench.store, imageWork, registryWork: bench.work }
  return await getProductImage(domain, scope.region, product, { ...job(), directory: bench.paths.root })
}

/** An image in the registry; resolves with its digest. */
async function offer(name: string, productCodes?: string[]): Promise<{ digest: string; sender: RegistryBench }> {
  const sender = await openRegistryBench()
  const image = await sender.makeImage('base', { randomMib: 1 })
  if (productCodes) sender.store.transaction(() => sender.store.images.replace({ ...image, productCodes }))
  const { transfer } = await sender.work.push(scope, { imageId: image.id, reference: referenceOf(name) }, job())
  return { digest: transfer?.digest ?? '', sender }
}

test('the image of a product is pulled once, as a public image of its publisher with its product code', async () => {
  const { sender } = await offer('acme/database:12.3')
  const buyer = await openRegistryBench()
  const product = productOf('acme/database:12.3', { loginUser: 'admin' })
  const [first, second] = await Promise.all([get(buyer, product), get(buyer, product)])
  expect(second?.imageId).toBe(first?.imageId)
  const image = buyer.findImage(first?.imageId)
  expect(image).toMatchObject({
    accountId: publisherId,
    name: 'acme-database-12.3',
    description: 'Acme Database 12.3 by Acme',
    productCodes: [code],
    sharing: { isPublic: true },
  })
  expect(findProductImage(buyer.store, scope.region, product)?.id).toBe(image.id)
  const [device] = image.blockDevices
  expect(buyer.store.snapshots.find(device?.snapshotId ?? '')?.productCodes).toEqual([code])
  expect(buyer.store.tags.of(image.id)).toContainEqual({ key: 'kiln:login-user', value: 'admin' })
  expect(await buyer.contentOf(image.id)).toBe(await sender.contentOf(sender.store.images.listAll()[0]?.id ?? ''))
})

test('a product that is named by its digest is that one, whatever its tag names by now', async () => {
  const { digest } = await offer('acme/pinned:1')
  const newer = await offer('acme/pinned:1')
  expect(newer.digest).not.toBe(digest)
  const buyer = await openRegistryBench()
  const { imageId } = await get(buyer, productOf(`acme/pinned@${digest}`))
  const tags = buyer.store.tags.of(imageId ?? '')
  expect(tags).toContainEqual({ key: 'kiln:source-digest', value: digest })
})

test('a product without the signature that the configuration demands is refused before anything is fetched', async () => {
  const { digest } = await offer('signed/database:1')
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keyFile = join(registry.directory, 'acme.pub')
  await writeFile(keyFile, publicKey.export({ type: 'spki', format: 'pem' }))
  const policy = { prefix: `${registry.host}/signed`, publicKeyFiles: [keyFile], isSignatureRequired: true }
  const buyer = await openRegistryBench({ policies: [policy] })
  for (const name of ['signed/database:1', `signed/database@${digest}`]) {
    await expect(get(buyer, productOf(name))).rejects.toMatchObject({ code: 'ImageSignatureRequired' })
  }
  expect(await buyer.leftovers()).toEqual({ layers: [], records: 0, images: 0 })
})

test('an image that is not what its entry says is refused', async () => {
  await offer('acme/own:1', [code])
  await offer('acme/bundle:1', [code, otherCode])
  const buyer = await openRegistryBench()
  await expect(get(buyer, productOf('acme/own:1', { architecture: 'arm64' }))).rejects.toMatchObject({
    code: 'RegistryContentInvalid',
    message: expect.stringContaining('is of x86_64, and the catalogue says arm64'),
  })
  await expect(get(buyer, productOf('acme/bundle:1'))).rejects.toMatchObject({
    code: 'RegistryContentInvalid',
    message: expect.stringContaining(otherCode),
  })
  await expect(get(buyer, productOf('acme/none:1'))).rejects.toMatchObject({ code: 'RegistryImageNotFound' })
  expect(await buyer.leftovers()).toEqual({ layers: [], records: 0, images: 0 })
  const { imageId } = await get(buyer, productOf('acme/own:1'))
  expect(buyer.findImage(imageId).productCodes).toEqual([code])
})

test('an image that was pulled before its licence was asked for does not become the product', async () => {
  await offer('acme/early:1')
  const buyer = await openRegistryBench()
  const publisher = { accountId: publisherId, region: scope.region }
  const early = await buyer.work.pull(publisher, { reference: referenceOf('acme/early:1') }, job())
  const { imageId } = await get(buyer, productOf('acme/early:1'))
  expect(imageId).not.toBe(early.imageId)
  expect(buyer.findImage(early.imageId).productCodes).toBeUndefined()
})
