import { createHash } from 'node:crypto'
import { Ec2Error } from '../ec2/errors.ts'
import type { BlobSize, ManifestPlace, RegistryHost, Repository } from '../ec2/ports/registry.ts'
import type { Clock } from '../host/clock.ts'
import { createAuthorizer } from './authorization.ts'
import { uploadBlob } from './blob-upload.ts'
import { createCredentials } from './credentials.ts'
import { readAtMost } from './read-at-most.ts'
import { createRequester } from './requester.ts'
import { createUploadNotes } from './upload-notes.ts'

export interface RegistryHostDependencies {
  readonly clock: Clock
  /** Kiln's own logins. */
  readonly loginsPath: string
  /** Docker's `config.json`; may be absent. */
  readonly dockerPath: string
  readonly uploadsDirectory: string
  /** Whether a host may be spoken to without TLS. */
  readonly isPlain: (host: string) => boolean
}

/** As the OCI Distribution Specification lets a registry have them ("Pushing Manifests"). */
const maximumManifestBytes = 4 * 1024 ** 2
const maximumListBytes = 4 * 1024 ** 2
const maximumTags = 10_000
const manifestTypes = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json'

/** Registries and what is known of them. */
export function createRegistryHost(
  dependencies: RegistryHostDependencies,
): RegistryHost & { removeForgotten(): Promise<void> } {
  const { clock, loginsPath, dockerPath, isPlain } = dependencies
  const credentials = createCredentials({ ownPath: loginsPath, dockerPath })
  const requester = createRequester({ clock, isPlain, authorizer: createAuthorizer({ clock, credentials, isPlain }) })
  const notes = createUploadNotes({ directory: dependencies.uploadsDirectory, clock })
  const scopeOf = ({ path }: Repository, actions: string) => `repository:${path}:${actions}`

  return {
    readManifest: async (place, signal) => {
      const response = await requester.send({
        ...{ host: place.host, path: manifestPath(place), scope: scopeOf(place, 'pull'), signal },
        headers: { accept: manifestTypes },
        accepted: [404],
      })
      const content = await readAtMost(response, maximumManifestBytes)
      if (response.status === 404) return undefined
      const digest = digestOf(content)
      if (place.reference.includes(':')) requireDigest(place, place.reference, digest)
      return { content, digest }
    },
    readBlob: async (repository, blob, signal) => {
      const { host, path } = repository
      const scope = scopeOf(repository, 'pull')
      const response = await requester.send({ host, path: `${path}/blobs/${blob.digest}`, scope, signal })
      const content = await readAtMost(response, blob.sizeBytes)
      requireDigest(repository, blob.digest, digestOf(content))
      return content
    },
    locateBlob: (repository, digest) => {
      const { host, path } = repository
      const url = new URL(`${path}/blobs/${digest}`, requester.baseOf(host))
      return {
        url: url.href,
        fetch: async (_url, init) =>
          await requester.once({
            ...{ host, path: url, scope: scopeOf(repository, 'pull') },
            headers: (init?.headers ?? {}) as Record<string, string>,
            signal: init?.signal ?? new AbortController().signal,
            // The download knows what they mean.
            accepted: [416],
          }),
      }
    },
    putBlob: async (repository, blob, mountFrom, work) => {
      const { signal } = work
      if (await hasBlob(repository, blob, signal)) return 'present'
      for (const from of mountFrom) {
        const response = await mount(repository, blob, from, signal)
        if (response?.status === 201) return 'mounted'
        if (response?.status === 202) {
          await uploadBlob({ clock, requester, notes }, repository, blob, response, work)
          return 'uploaded'
        }
      }
      await uploadBlob({ clock, requester, notes }, repository, blob, undefined, work)
      return 'uploaded'
    },
    putManifest: async (place, mediaType, content, signal) => {
      const { host } = place
      const scope = scopeOf(place, 'pull,push')
      const headers = { 'content-type': mediaType }
      await requester.send({ host, path: manifestPath(place), method: 'PUT', scope, headers, body: content, signal })
    },
    deleteManifest: async (place, signal) => {
      const { host } = place
      const scope = scopeOf(place, 'delete,pull,push')
      const accepted = [404, 405, 400, 501]
      const { status } = await requester.send({
        ...{ host, path: manifestPath(place), method: 'DELETE', scope, accepted, signal },
      })
      return status === 404 || status < 300
    },
    listTags: async (repository, signal) => {
      const { host, path } = repository
      const tags: string[] = []
      let next: URL | undefined = new URL(`${path}/tags/list?n=1000`, requester.baseOf(host))
      while (next && tags.length < maximumTags) {
        const scope = scopeOf(repository, 'pull')
        const response: Response = await requester.send({ host, path: next, scope, accepted: [404], signal })
        const body = await readAtMost(response, maximumListBytes)
        if (response.status === 404) return tags
        tags.push(...readTags(repository, body))
        // RFC 8288, as the specification has it for pages.
        const link = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1]
        next = link === undefined ? undefined : new URL(link, response.url)
      }
      return tags.slice(0, maximumTags)
    },
    login: async (host, login, signal) => {
      const find = async () => login
      const authorizer = createAuthorizer({ clock, credentials: { find }, isPlain })
      await createRequester({ clock, isPlain, authorizer }).send({ host, path: '', scope: '', signal })
      await credentials.keep(host, login)
    },
    logout: (host) => credentials.forget(host),
    removeForgotten: () => notes.removeForgotten(),
  }

  async function hasBlob(repository: Repository, blob: BlobSize, signal: AbortSignal): Promise<boolean> {
    const { host, path } = repository
    const response = await requester.send({
      ...{ host, path: `${path}/blobs/${blob.digest}`, method: 'HEAD', signal },
      ...{ scope: scopeOf(repository, 'pull,push'), accepted: [404] },
    })
    return response.ok
  }

  /** Undefined where the registry or the login does not let it be read there. */
  async function mount(
    repository: Repository,
    blob: BlobSize,
    from: string,
    signal: AbortSignal,
  ): Promise<Response | undefined> {
    const { host, path } = repository
    const query = new URLSearchParams({ mount: blob.digest, from })
    const scope = `${scopeOf(repository, 'pull,push')} repository:${from}:pull`
    const accepted = [400, 401, 403, 404]
    const response = await requester.send({
      ...{ host, path: `${path}/blobs/uploads/?${query.toString()}`, method: 'POST', scope, accepted, signal },
    })
    return response.ok ? response : undefined
  }
}

function manifestPath({ path, reference }: ManifestPlace): string {
  return `${path}/manifests/${reference}`
}

function readTags(repository: Repository, body: Buffer): string[] {
  try {
    const { tags } = JSON.parse(body.toString('utf8')) as { tags?: unknown }
    if (tags === null || tags === undefined) return []
    if (Array.isArray(tags)) return tags.filter((tag): tag is string => typeof tag === 'string')
  } catch {
    // Said below.
  }
  throw new Ec2Error('RegistryContentInvalid', `The registry ${repository.host} answers no list of tags.`)
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

function requireDigest({ host, path }: Repository, expected: string, found: string): void {
  if (expected === found) return
  throw new Ec2Error(
    'RegistryContentInvalid',
    `The registry ${host} gives other bytes of ${path} than were asked for: expected ${expected}, found ${found}. Nothing was kept.`,
  )
}
