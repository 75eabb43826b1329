import { createHash, type Hash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { basename, join } from 'node:path'
import { Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract } from 'tar-stream'
import { invalid } from './invalid-image.ts'
import { readAttachedFiles } from './machine-description.ts'
import { type Bound, limit } from './unpack-bound.ts'

const diskName = /\.(vmdk|vhd|vhdx|qcow2|img|raw)(\.(gz|xz|zst))?$/i
const manifestName = /\.mf$/i
const descriptionName = /\.ovf$/i
/** Many times what one of a machine with as many disks as it may have needs. */
const maximumManifestBytes = 64 * 1024
const maximumDescriptionBytes = 256 * 1024
/** Those that makers of OVAs use (DMTF DSP0243, chapter 6.3); which one it is, the manifest says, and that may come last. */
const algorithms = ['sha1', 'sha256', 'sha512'] as const
type Algorithm = (typeof algorithms)[number]

/** By algorithm, of a file of an archive. */
type Digests = Readonly<Record<Algorithm, string>>

/** A file of an archive, as it comes. */
type Entry = ReturnType<typeof extract> extends AsyncIterable<infer Item> ? Item : never

/** What an archive may hold, and where its disks go. */
export interface OpeningRules {
  /** The disks become `NAME-1`, `NAME-2`, … there. */
  readonly directory: string
  readonly name: string
  readonly maximumDisks: number
  /** That all its files together may take. */
  readonly spaceBytes: number
  /** Of a file, when that much space is left. */
  boundOf(spaceBytes: number): Bound
}

/**
 * The disks of an OVA as files, the one that the machine boots from first: in the order of the machine's description, where the archive has
 * one that tells, else as they come; those that it does not name come last. Links, absolute names and `..` are refused even though
 * only content is taken; so is what is not as the OVA's manifest says, where it has one.
 */
export async function extractDisks(
  source: string,
  rules: OpeningRules,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const archive = extract()
  const reading = pipeline(createReadStream(source), archive, { signal })
  // Awaited below; until then a rejection must not count as unhandled.
  const settled = Promise.allSettled([reading])
  /** By the names that they have in the archive. */
  const disks = new Map<string, string>()
  const digests = new Map<string, Digests>()
  let { spaceBytes } = rules
  let manifest: string | undefined
  let description: string | undefined
  try {
    for await (const entry of archive) {
      const { name, type, size } = entry.header
      if (name.startsWith('/') || name.split('/').includes('..'))
        throw invalid(`its archive holds the name ${JSON.stringify(name)}`)
      if (type === 'directory') {
        entry.resume()
        continue
      }
      if (type !== 'file') throw invalid(`its archive holds a ${type ?? 'thing'} (${JSON.stringify(name)})`)
      if (digests.has(name)) throw invalid(`its archive holds ${JSON.stringify(name)} twice`)
      if (manifestName.test(name)) {
        if (manifest !== undefined) throw invalid('its archive holds several manifests')
        if (size > maximumManifestBytes) throw invalid(`its manifest has ${size} bytes`)
        manifest = (await readWhole(entry)).toString('utf8')
        continue
      }
      const hashes = startHashes()
      if (descriptionName.test(name)) {
        if (description !== undefined) throw invalid('its archive holds several descriptions')
        if (size > maximumDescriptionBytes) throw invalid(`its description has ${size} bytes`)
        const bytes = await readWhole(entry)
        description = bytes.toString('utf8')
        hashes.pass.end(bytes)
        await pipeline(hashes.pass, nowhere())
      } else {
        const isDisk = diskName.test(basename(name))
        if (isDisk) {
          disks.set(name, join(rules.directory, `${rules.name}-${disks.size + 1}`))
          requireFewDisks([...disks.keys()], rules.maximumDisks)
        }
        const target = isDisk ? createWriteStream(disks.get(name) ?? '', { mode: 0o600 }) : nowhere()
        await pipeline(entry, limit(rules.boundOf(spaceBytes)), hashes.pass, target, { signal })
        if (isDisk) spaceBytes -= size
      }
      digests.set(name, hashes.finish())
    }
    await reading
  } catch (error) {
    archive.destroy()
    await settled
    signal.throwIfAborted()
    throw error instanceof Error && /tar header|end of data|premature close|stream closed/i.test(error.message)
      ? invalid('its archive is damaged or truncated')
      : error
  }
  if (disks.size === 0) throw invalid('its archive holds no disk')
  if (manifest !== undefined) requireManifest(manifest, digests)
  return orderDisks(disks, description)
}

function requireFewDisks(names: readonly string[], maximum: number): void {
  if (names.length <= maximum) return
  const how =
    maximum === 1 ? 'import it as an image, or one of them by itself' : `at most ${maximum} are imported at once`
  throw invalid(`its archive holds several disks (${names.slice(0, 4).join(', ')}): ${how}`)
}

function orderDisks(disks: ReadonlyMap<string, string>, description: string | undefined): readonly string[] {
  const attached = description === undefined ? [] : readAttachedFiles(description)
  const missing = attached.find((name) => !disks.has(name))
  if (missing !== undefined) {
    throw invalid(`its description names the disk ${JSON.stringify(missing)}, which the archive does not hold`)
  }
  return [...new Set([...attached, ...disks.keys()])].map((name) => disks.get(name) ?? '')
}

async function readWhole(entry: Entry): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function startHashes(): { pass: Transform; finish(): Digests } {
  const hashes = algorithms.map((algorithm): [Algorithm, Hash] => [algorithm, createHash(algorithm)])
  const pass = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      for (const [, hash] of hashes) hash.update(chunk)
      done(null, chunk)
    },
  })
  return {
    pass,
    finish: () => Object.fromEntries(hashes.map(([name, hash]) => [name, hash.digest('hex')])) as Digests,
  }
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() })
}

/** `SHA256(disk.vmdk)= 0123…` for each file. Those that it does not name are nobody's promise. */
function requireManifest(manifest: string, digests: ReadonlyMap<string, Digests>): void {
  for (const line of manifest.split(/\r?\n/)) {
    if (line.trim() === '') continue
    const [, algorithm = '', name = '', expected = ''] = /^(SHA\d+)\s*\((.+)\)\s*=\s*([0-9a-f]+)\s*$/i.exec(line) ?? []
    const known = algorithms.find((candidate) => candidate === algorithm.toLowerCase())
    if (!known) throw invalid(`its manifest has a line that is no digest: ${JSON.stringify(line.slice(0, 100))}`)
    const found = digests.get(name)?.[known]
    if (found === undefined)
      throw invalid(`its manifest names ${JSON.stringify(name)}, which the archive does not hold`)
    if (found === expected.toLowerCase()) continue
    throw invalid(
      `${JSON.stringify(name)} does not have the ${known} digest of its manifest: expected ${expected}, found ${found}`,
    )
  }
}
