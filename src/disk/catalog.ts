import { z } from 'zod'
import { Ec2Error, invalidParameterValue } from '../ec2/errors.ts'
import type { Catalog, CatalogEntry } from '../ec2/ports/catalog.ts'
import type { Architecture } from '../ec2/ports/accelerator.ts'
import type { Clock } from '../host/clock.ts'
import { findChecksum, parseChecksumList } from './checksum-list.ts'

const webUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' })

/** What images/catalog.yaml holds, and the user's own catalog.yaml in the state directory. */
export const catalogFileSchema = z.strictObject({
  images: z.record(
    z.string().regex(/^[a-z0-9][a-z0-9.-]*$/, 'must be lower-case letters, digits, dots and dashes'),
    z.strictObject({
      description: z.string().min(1),
      architecture: z.enum(['x86_64', 'i386', 'arm64']),
      /** May hold one `*` in its last part, for a version that only the checksum list tells. */
      url: webUrl.regex(/^[^*?#]*\/[^*/?#]+(\*[^*/?#]*)?$/, 'must end in a file name, with at most one *'),
      /** The publisher's list of checksums that names the file. */
      checksums: webUrl,
      loginUser: z.string().regex(/^[a-z_][a-z0-9_-]*$/, 'must be a user name'),
    }),
  ),
})

export interface CatalogDependencies {
  readonly clock: Clock
  readonly file: z.infer<typeof catalogFileSchema>
}

/** More than a publisher's list ever has. */
const maximumListBytes = 4 * 1024 * 1024
const listTimeoutMs = 30_000
const attempts = 3
const firstPauseMs = 500

/** Makes the catalogue of a checked images/catalog.yaml. */
export function createCatalog({ clock, file }: CatalogDependencies): Catalog {
  const images = Object.entries(file.images)
  const entries: readonly CatalogEntry[] = images.map(([name, { description, architecture, url, loginUser }]) => ({
    name,
    description,
    architecture,
    url,
    loginUser,
  }))

  function find(name: string, architecture?: Architecture): CatalogEntry & { checksums: string } {
    const names = architecture ? [name, `${name}-${architecture}`] : [name]
    const entry = entries.find(
      (candidate) => names.includes(candidate.name) && (!architecture || candidate.architecture === architecture),
    )
    const checksums = entry && file.images[entry.name]?.checksums
    if (entry && checksums) return { ...entry, checksums }
    const known = entries.map((candidate) => candidate.name).join(', ')
    const kind = architecture ? ` none for ${architecture} of that name; it has` : ''
    throw invalidParameterValue('CatalogName', name, `The catalogue has${kind} ${known}.`)
  }

  return {
    list: () => entries,
    find,
    locate: async (name, signal) => {
      const { checksums, ...entry } = find(name)
      const list = parseChecksumList(await fetchList(clock, checksums, signal))
      const wanted = entry.url.slice(entry.url.lastIndexOf('/') + 1)
      const isOfOneFile = checksums.slice(checksums.lastIndexOf('/') + 1).startsWith(wanted)
      const found = findChecksum(list, wanted, isOfOneFile)
      if (!found) throw new Ec2Error('DownloadFailed', `${checksums} has no checksum for ${wanted}`)
      const directory = entry.url.slice(0, -wanted.length)
      return { entry, url: `${directory}${encodeURIComponent(found.file)}`, checksum: found.checksum }
    },
  }
}

async function fetchList(clock: Clock, url: string, signal: AbortSignal): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetchText('checksum list', url, AbortSignal.any([signal, AbortSignal.timeout(listTimeoutMs)]))
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof Ec2Error) throw error
      if (attempt === attempts) {
        const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
        throw new Ec2Error('DownloadFailed', `The checksum list ${url} could not be downloaded: ${cause}`)
      }
      await clock.sleep(firstPauseMs * 2 ** (attempt - 1), signal)
    }
  }
}

/** A text of at most 4 MiB; `what` it is, for messages. Throws DownloadFailed, and what fetch throws. */
export async function fetchText(what: string, url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal })
  if (response.status >= 500) throw new Error(`the server answered ${response.status} ${response.statusText}`)
  if (!response.ok || !response.body) {
    await response.body?.cancel()
    throw new Ec2Error(
      'DownloadFailed',
      `The ${what} ${url} could not be downloaded: the server answered ${response.status}`,
    )
  }
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of response.body) {
    sizeBytes += chunk.length
    if (sizeBytes > maximumListBytes) throw new Ec2Error('DownloadFailed', `The ${what} ${url} is far too long`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
