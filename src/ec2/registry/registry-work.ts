import { createKeyedLock } from '../../host/keyed-lock.ts'
import { Ec2Error } from '../errors.ts'
import { imageTag } from '../image/image-tag.ts'
import { findVisibleImage } from '../image/visible-image.ts'
import type { WorkOptions } from '../ports/work.ts'
import type { RegistryHost, Repository, StoredManifest } from '../ports/registry.ts'
import type { Scope } from '../ports/store.ts'
import type { TaskResult } from '../task/task.ts'
import { choosePerformance, requireVolumeType } from '../volume/volume-type.ts'
import { type AmiDocument, type AmiManifest, readDocument, readManifest } from './ami-document.ts'
import { pullImage, type PullDependencies } from './pull-image.ts'
import type { PulledProduct } from './pulled-image.ts'
import { pushImage, refuseProduct } from './push-image.ts'
import { formatReference, formatRepository, type ImageReference } from './reference.ts'
import { policyOf, type RegistryPolicy } from './registry-policy.ts'
import { requireSignature, signManifest } from './signature.ts'
import { readPrivateKey, readPublicKey } from './signing-key.ts'

/** A private key's file, and its password where it has one. */
export interface SigningKeyFile {
  readonly path: string
  readonly password?: string | undefined
}

/** Images to registries and from them. */
export interface RegistryWork extends Pick<RegistryHost, 'login' | 'logout'> {
  push(
    scope: Scope,
    request: { imageId: string; reference: ImageReference; signingKey?: SigningKeyFile | undefined },
    work: WorkOptions,
  ): Promise<TaskResult>
  /** Answers the image that is here already when it is the very same. */
  pull(scope: Scope, request: PullByReference, work: WorkOptions): Promise<TaskResult>
  /** Signs what is in the registry; resolves with its digest. */
  sign(reference: ImageReference, signingKey: SigningKeyFile, signal: AbortSignal): Promise<string>
}

export interface PullByReference {
  readonly reference: ImageReference
  readonly name?: string | undefined
  /** A key that must have signed the image, whatever the configuration says. */
  readonly publicKeyFile?: string | undefined
  /** Whether everybody on this host may launch it. */
  readonly isPublic?: boolean
  /** The marketplace product that it becomes. Rejects when it is of another architecture, or has other products in it. */
  readonly product?: PulledProduct
}

export interface RegistryWorkDependencies extends PullDependencies {
  readonly policies: readonly RegistryPolicy[]
}

export function createRegistryWork(dependencies: RegistryWorkDependencies): RegistryWork {
  const { store, registry } = dependencies
  /** Images of one repository share layers: the second pull finds what the first has brought. */
  const turns = createKeyedLock()

  return {
    login: (host, login, signal) => registry.login(host, login, signal),
    logout: (host) => registry.logout(host),
    push: async (scope, { imageId, reference, signingKey }, work) => {
      const key = signingKey && (await readPrivateKey(signingKey.path, signingKey.password))
      const image = findVisibleImage(store, scope, imageId)
      refuseProduct(image, scope.accountId)
      const request = { image, repository: reference, tag: reference.tag }
      const transfer = await pushImage(dependencies, { ...request, ...(key ? { signingKey: key } : {}) }, work)
      return { imageId, transfer }
    },
    pull: async (scope, request, work) => {
      const name = formatRepository(request.reference)
      if (turns.isHeld(name)) work.onProgress({ stage: 'Waiting for another pull from the same repository' })
      return await turns.run(name, work.signal, async () => pull(scope, request, work))
    },
    sign: async (reference, signingKey, signal) => {
      const key = await readPrivateKey(signingKey.path, signingKey.password)
      const { digest } = await requireManifest(reference, signal)
      await signManifest(registry, reference, digest, key, { signal, onSent: () => undefined })
      return digest
    },
  }

  async function pull(scope: Scope, request: PullByReference, work: WorkOptions): Promise<TaskResult> {
    const { reference } = request
    const { signal } = work
    work.onProgress({ stage: 'Reading the image' })
    const { digest, content } = await requireManifest(reference, signal)
    await verifySignature(reference, digest, request.publicKeyFile, signal)
    const source = formatReference(reference)
    const present = findPulled(scope, digest, request)
    if (present) {
      const note = `${present.id} (${present.name}) is this very image: nothing was pulled.`
      return { imageId: present.id, note, transfer: { digest, movedBytes: 0, skippedBytes: 0 } }
    }
    const manifest = readManifest(content, source)
    const document = await fetchDocument(reference, manifest, signal)
    for (const device of document.blockDevices) requireDevice(device)
    const { name, isPublic = false, product } = request
    if (product) requireProduct(document, product, source)
    else if (isPublic && document.productCodes) {
      throw contentInvalid(`${source} has marketplace products in it, and is no community image.`)
    }
    const image = { repository: reference, digest, manifest, document }
    return await pullImage(dependencies, scope, { image, name, source, isPublic, product }, work)
  }

  async function requireManifest(reference: ImageReference, signal: AbortSignal): Promise<StoredManifest> {
    const { host, path, tag, digest } = reference
    const found = await registry.readManifest({ host, path, reference: digest ?? tag }, signal)
    if (found) return found
    throw new Ec2Error('RegistryImageNotFound', `The registry ${host} has no image ${formatReference(reference)}.`)
  }

  async function fetchDocument(repository: Repository, { config, ...manifest }: AmiManifest, signal: AbortSignal) {
    const content = await registry.readBlob(repository, { digest: config.digest, sizeBytes: config.size }, signal)
    return readDocument(content, { config, ...manifest }, formatRepository(repository))
  }

  /** Before anything of the image is looked at. */
  async function verifySignature(
    repository: Repository,
    digest: string,
    demanded: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const policy = policyOf(dependencies.policies, repository)
    const demands = [
      ...(policy?.isSignatureRequired ? [policy.publicKeyFiles] : []),
      ...(demanded === undefined ? [] : [[demanded]]),
    ]
    for (const files of demands) {
      const keys = await Promise.all(files.map(async (path) => ({ path, key: await readPublicKey(path) })))
      await requireSignature(registry, repository, digest, keys, signal)
    }
  }

  function findPulled(scope: Scope, digest: string, { name, product }: PullByReference) {
    return store.images
      .list(scope)
      .filter((image) => image.state === 'available' && (name === undefined || image.name === name))
      .filter((image) => product === undefined || image.productCodes?.includes(product.productCode))
      .find(({ id }) => store.tags.of(id).some(({ key, value }) => key === imageTag.sourceDigest && value === digest))
  }
}

function requireProduct(document: AmiDocument, { productCode, architecture }: PulledProduct, source: string): void {
  if (document.architecture !== architecture) {
    throw contentInvalid(`${source} is of ${document.architecture}, and the catalogue says ${architecture}.`)
  }
  const others = document.productCodes?.filter((code) => code !== productCode) ?? []
  if (others.length > 0) throw contentInvalid(`${source} has other marketplace products in it: ${others.join(', ')}.`)
}

function contentInvalid(message: string): Ec2Error {
  return new Ec2Error('RegistryContentInvalid', message)
}

/** A volume that this Kiln can make. Throws as CreateVolume does. */
function requireDevice({
  volumeType,
  volumeSizeGib,
  iops,
  throughputMibps,
}: AmiDocument['blockDevices'][number]): void {
  choosePerformance(requireVolumeType(volumeType), volumeSizeGib, { Iops: iops, Throughput: throughputMibps })
}
