import { createHash } from 'node:crypto'
import { isKnownAccount } from '../access/access-key.ts'
import { Ec2Error } from '../errors.ts'
import { imageTag } from '../image/image-tag.ts'
import type { ImageRecord } from '../image/image.ts'
import { findOwnImage, findVisibleImage, requireAvailableImage } from '../image/visible-image.ts'
import type { WorkOptions } from '../ports/work.ts'
import type { RegistryHost, Repository } from '../ports/registry.ts'
import type { Scope, Store } from '../ports/store.ts'
import type { TaskResult } from '../task/task.ts'
import { annotation, mediaType, readManifest } from './ami-document.ts'
import { formatRepository, parseRepository } from './reference.ts'
import { policyOf, type RegistryPolicy } from './registry-policy.ts'
import type { RegistryWork, SigningKeyFile } from './registry-work.ts'
import { sourceOf } from './signature.ts'

/** An AMI that somebody has published for everyone. */
export interface CommunityImage {
  readonly ownerId: string
  readonly name: string
  readonly description?: string
  readonly architecture?: string
  readonly creationDate?: string
  readonly sizeBytes?: number
  readonly digest: string
  readonly tag: string
}

/**
 * AMIs that publishers of several Kilns share in a registry (docs/adr/community-images-are-tags.md). EC2's `all` means the other accounts of
 * this host, here as before; publishing goes beyond it and is asked for by itself.
 */
export interface Community {
  /** Throws CommunityNotConfigured. */
  requireConfigured(): Repository
  /** Those whose name, description or owner has the query in it. One that cannot be read hides no other. */
  list(query: string | undefined, signal: AbortSignal): Promise<CommunityImage[]>
  /** The AMI here that was published as one, or pulled as it. */
  findHere(scope: Pick<Scope, 'region'>, image: CommunityImage): ImageRecord | undefined
  /** Sends an image that its owner has made public. */
  publish(scope: Scope, imageId: string, key: SigningKeyFile | undefined, work: WorkOptions): Promise<TaskResult>
  /** Takes back what the account has published by that name; who has pulled it keeps it. */
  unpublish(scope: Scope, name: string, signal: AbortSignal): Promise<void>
  /** Brings it as a public AMI of its publisher's account. Rejects when several have published that name and no owner is given. */
  pull(scope: Scope, wanted: { name: string; ownerId?: string | undefined }, work: WorkOptions): Promise<TaskResult>
}

/** Read at once while listing. */
const readersAtOnce = 8
const emptyType = 'application/vnd.oci.empty.v1+json'

export function createCommunity(dependencies: {
  readonly store: Store
  readonly registry: RegistryHost
  readonly registryWork: Pick<RegistryWork, 'push' | 'pull'>
  readonly policies: readonly RegistryPolicy[]
  /** `host` or `host/path`; empty: none. */
  readonly place: string
}): Community {
  const { store, registry, registryWork, policies } = dependencies

  function requireConfigured(): Repository {
    const repository = parseRepository(`${dependencies.place}/community`)
    if (dependencies.place !== '' && repository) return repository
    throw new Ec2Error(
      'CommunityNotConfigured',
      'This Kiln shares no community images: set community.registry in config.yaml, and start the daemon again.',
    )
  }

  /** Undefined for what is gone, was taken back, is no AMI, or says that it is another's. */
  async function read(repository: Repository, tag: string, signal: AbortSignal): Promise<CommunityImage | undefined> {
    const stored = await registry.readManifest({ ...repository, reference: tag }, signal)
    if (!stored) return undefined
    let annotations: Readonly<Record<string, string>>
    try {
      annotations = readManifest(stored.content, tag).annotations
    } catch {
      return undefined
    }
    const { [annotation.name]: name = '', [annotation.account]: ownerId = '' } = annotations
    if (communityTagOf(ownerId, name) !== tag) return undefined
    const { [annotation.description]: description, [annotation.architecture]: architecture } = annotations
    const { [annotation.created]: creationDate } = annotations
    const sizeBytes = Number(annotations[annotation.sizeBytes])
    return {
      ...{ ownerId, name, digest: stored.digest, tag },
      ...(description === undefined ? {} : { description }),
      ...(architecture === undefined ? {} : { architecture }),
      ...(creationDate === undefined ? {} : { creationDate }),
      ...(Number.isFinite(sizeBytes) ? { sizeBytes } : {}),
    }
  }

  async function readAll(tags: readonly string[], signal: AbortSignal): Promise<CommunityImage[]> {
    const repository = requireConfigured()
    const waiting = [...tags]
    const found: CommunityImage[] = []
    const readers = Array.from({ length: readersAtOnce }, async () => {
      for (let tag = waiting.shift(); tag !== undefined; tag = waiting.shift()) {
        const image = await read(repository, tag, signal)
        if (image) found.push(image)
      }
    })
    await Promise.all(readers)
    return found.sort((a, b) => a.name.localeCompare(b.name) || a.ownerId.localeCompare(b.ownerId))
  }

  function findHere({ region }: Pick<Scope, 'region'>, image: CommunityImage): ImageRecord | undefined {
    return store.images
      .listBy('sharing.region', region)
      .filter(
        ({ accountId, state, sharing }) => accountId === image.ownerId && state === 'available' && sharing?.isPublic,
      )
      .find(({ id }) => {
        const tags = store.tags.of(id)
        return tags.some(({ key, value }) => isMark(key) && value === image.digest)
      })
  }

  const isMark = (key: string) => key === imageTag.sourceDigest || key === imageTag.published

  /**
   * Whoever may write to the registry may say that an image is any account's. Where that account is one of this host it would stand among
   * its own images, so a signature has to prove it.
   */
  function refuseClaimed(repository: Repository, { ownerId, name }: CommunityImage, callerId: string): void {
    const isOurs = ownerId === callerId || isKnownAccount(store, ownerId)
    if (!isOurs || policyOf(policies, repository)?.isSignatureRequired) return
    throw new Ec2Error(
      'CommunityOwnerNotProven',
      `${name} says that it is of ${ownerId}, which is an account of this Kiln, and nothing proves it. Give each Kiln an account.id of its own, or demand signatures for ${formatRepository(repository)}.`,
    )
  }

  return {
    requireConfigured,
    list: async (query, signal) => {
      const tags = await registry.listTags(requireConfigured(), signal)
      const all = await readAll(tags.filter(isCommunityTag), signal)
      const wanted = query?.toLowerCase()
      return wanted === undefined
        ? all
        : all.filter(({ name, description = '', ownerId }) =>
            [name, description, ownerId].some((text) => text.toLowerCase().includes(wanted)),
          )
    },
    findHere,
    publish: async (scope, imageId, key, work) => {
      const repository = requireConfigured()
      const image = requirePublished(store, scope, imageId)
      const reference = { ...repository, tag: communityTagOf(image.accountId, image.name) }
      const result = await registryWork.push(scope, { imageId, reference, signingKey: key }, work)
      const value = result.transfer?.digest ?? ''
      store.transaction(() => {
        if (store.images.find(imageId)) store.tags.put(scope, imageId, 'image', [{ key: imageTag.published, value }])
      })
      return result
    },
    unpublish: async (scope, name, signal) => {
      const place = { ...requireConfigured(), reference: communityTagOf(scope.accountId, name) }
      const stored = await registry.readManifest(place, signal)
      const image = stored && (await read(place, place.reference, signal))
      if (!stored || !image) throw notPublished(name)
      if (!(await registry.deleteManifest({ ...place, reference: stored.digest }, signal))) {
        await putTombstone(registry, place, signal)
      }
      store.transaction(() => {
        for (const { id } of store.images.list(scope)) {
          store.tags.remove(scope, id, [{ key: imageTag.published, value: stored.digest }])
        }
      })
    },
    pull: async (scope, { name, ownerId }, work) => {
      const repository = requireConfigured()
      const suffix = nameSuffixOf(name)
      const tags = (await registry.listTags(repository, work.signal)).filter(
        (tag) =>
          isCommunityTag(tag) && tag.endsWith(suffix) && (ownerId === undefined || tag.startsWith(`${ownerId}-`)),
      )
      const [image, ...others] = await readAll(tags, work.signal)
      if (!image) throw notPublished(name)
      if (others.length > 0) {
        const owners = [image, ...others].map((each) => `community/${each.ownerId}/${name}`).join(', ')
        throw new Ec2Error('CommunityNameAmbiguous', `Several have published ${name}. Say which one: ${owners}.`)
      }
      const here = findHere(scope, image)
      if (here) return { imageId: here.id, note: `${here.id} (${here.name}) is this very image: nothing was pulled.` }
      refuseClaimed(repository, image, scope.accountId)
      const owner = { accountId: image.ownerId, region: scope.region }
      // By its digest: what the tag names may be another one by now.
      const reference = { ...repository, tag: image.tag, digest: image.digest }
      return await registryWork.pull(owner, { reference, isPublic: true }, work)
    },
  }
}

/** The account's own, and public on this host already: what may not be public here goes nowhere else. */
export function requirePublished(store: Store, scope: Scope, imageId: string): ImageRecord {
  const image = findOwnImage({ store }, scope, imageId)
  requireAvailableImage(image)
  if (image.productCodes) {
    throw new Ec2Error('OperationNotPermitted', `${imageId} has marketplace products in it: it cannot be published.`)
  }
  if (image.sharing?.isPublic) return image
  throw new Ec2Error(
    'OperationNotPermitted',
    `${imageId} is not public: give the group all launch permission first (ModifyImageAttribute).`,
  )
}

/** An image whose owner is no account of this host, which nobody here could deregister. Throws AuthFailure for any other. */
export function requireForeign(store: Store, scope: Scope, imageId: string): ImageRecord {
  const image = findVisibleImage(store, scope, imageId)
  if (image.accountId !== scope.accountId && !isKnownAccount(store, image.accountId)) return image
  throw new Ec2Error('AuthFailure', `Not authorized for image:${image.id}`, 403)
}

/** One tag for what an account publishes under a name: `123456789012-web-server-0a1b2c3d`. */
export function communityTagOf(accountId: string, name: string): string {
  return `${accountId}${nameSuffixOf(name)}`
}

/** Names of AMIs have characters that tags do not: the digest tells apart what looks alike. */
function nameSuffixOf(name: string): string {
  const readable = name.replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 80)
  return `-${readable}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
}

function isCommunityTag(tag: string): boolean {
  return /^\d{12}-.+-[0-9a-f]{8}$/.test(tag)
}

function notPublished(name: string): Ec2Error {
  return new Ec2Error('CommunityImageNotFound', `Nobody has published a community image ${name}.`)
}

/** For registries that delete nothing: the tag names something that says that the image was taken back. */
async function putTombstone(
  registry: RegistryHost,
  place: Repository & { readonly reference: string },
  signal: AbortSignal,
): Promise<void> {
  const empty = sourceOf(Buffer.from('{}'))
  await registry.putBlob(place, empty, [], { signal, onSent: () => undefined })
  const descriptor = { mediaType: emptyType, digest: empty.digest, size: empty.sizeBytes }
  const manifest = {
    ...{ schemaVersion: 2, mediaType: mediaType.manifest, artifactType: mediaType.artifact },
    ...{ config: descriptor, layers: [descriptor], annotations: { [annotation.withdrawn]: 'true' } },
  }
  await registry.putManifest(place, mediaType.manifest, Buffer.from(JSON.stringify(manifest)), signal)
}
