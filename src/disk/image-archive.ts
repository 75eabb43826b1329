import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract, pack } from 'tar-stream'
import { Ec2Error } from '../ec2/errors.ts'
import { tellOutOfSpace } from '../ec2/out-of-space.ts'
import type { WorkOptions } from '../ec2/ports/work.ts'
import type { ArchivedDisk, ImageArchive } from '../ec2/ports/image-archive.ts'
import { defaultReservedBytes, requireSpace } from './disk-space.ts'

const manifestName = 'manifest.json'
/** Many times what an image with as many devices and tags as it may have needs. */
const maximumManifestBytes = 256 * 1024
/** A file of an archive, as it comes. */
type Entry = ReturnType<typeof extract> extends AsyncIterable<infer Item> ? Item : never

/** Of the tar, which counts in blocks, before and after a file. */
const blockBytes = 512

/** Reads and writes images as single files. What is read is hostile until its digests and its disks have been looked at. */
export function createImageArchive({ reservedBytes = defaultReservedBytes } = {}): ImageArchive {
  return {
    headBytes: maximumManifestBytes + 2 * blockBytes,
    pack: (manifest, disks) => {
      const text = JSON.stringify(manifest, null, 2)
      const archive = pack()
      const write = async () => {
        archive.entry({ name: manifestName }, text)
        for (const { file, path, sizeBytes } of disks) {
          await pipeline(createReadStream(path), archive.entry({ name: file, size: sizeBytes }))
        }
        archive.finalize()
      }
      write().catch((error: unknown) => archive.destroy(error instanceof Error ? error : new Error(String(error))))
      const sizes = disks.map(({ sizeBytes }) => sizeBytes + 2 * blockBytes)
      const sizeBytes = sizes.reduce((sum, size) => sum + size, Buffer.byteLength(text) + 4 * blockBytes)
      // A stream of Node's own: the archive's is one of streamx.
      return { stream: Readable.from(archive), sizeBytes }
    },
    readManifest: async (head) => {
      let manifest: unknown
      await readArchive(Readable.from([head]), async (entry, index) => {
        if (index > 0) return 'enough'
        manifest = await readManifest(entry)
        return 'enough'
      })
      return manifest
    },
    unpack: (path, directory, readDisks, work) =>
      tellOutOfSpace('unpacking', directory, () => unpack({ path, directory, reservedBytes }, readDisks, work)),
  }
}

async function unpack<T>(
  { path, directory, reservedBytes }: { path: string; directory: string; reservedBytes: number },
  readDisks: (manifest: unknown) => { contents: T; disks: readonly ArchivedDisk[] },
  work: WorkOptions,
): Promise<T> {
  const { size: totalBytes } = await stat(path)
  let found: ReturnType<typeof readDisks> | undefined
  let doneBytes = 0
  let count = 0
  await readArchive(createReadStream(path, { signal: work.signal }), async (entry, index) => {
    if (index === 0) {
      found = readDisks(await readManifest(entry))
      const neededBytes = found.disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
      // What it claims is no more than it can hold: else the space is asked for in vain.
      if (neededBytes > totalBytes) throw invalidStoredImage('it is truncated')
      await requireSpace('unpacking', { path: directory, neededBytes, reservedBytes })
      return 'more'
    }
    const disk = found?.disks[index - 1]
    if (!disk) throw invalidStoredImage(`it holds ${shown(entry.header.name)}, of which its manifest does not tell`)
    await extractDisk(entry, disk, join(directory, disk.file), work.signal)
    count = index
    doneBytes += disk.sizeBytes
    work.onProgress({ stage: 'Unpacking', doneBytes, totalBytes })
    return 'more'
  })
  work.signal.throwIfAborted()
  if (!found) throw invalidStoredImage('it is empty')
  if (count < found.disks.length) throw invalidStoredImage(`it lacks ${found.disks[count]?.file}`)
  return found.contents
}

/** Hands over the entries one by one; regular files alone are let through. */
async function readArchive(
  source: Readable,
  read: (entry: Entry, index: number) => Promise<'more' | 'enough'>,
): Promise<void> {
  const archive = extract()
  const reading = pipeline(source, archive)
  // Awaited below; until then a rejection must not count as unhandled.
  const settled = Promise.allSettled([reading])
  try {
    let index = 0
    for await (const entry of archive) {
      const { type, name } = entry.header
      if (type !== 'file') throw invalidStoredImage(`it holds a ${type ?? 'thing'} (${shown(name)})`)
      if ((await read(entry, index++)) === 'enough') return
    }
    await reading
  } catch (error) {
    archive.destroy()
    await settled
    if (
      error instanceof Error &&
      /tar header|end of data|premature close|stream closed|writable stream/i.test(error.message)
    ) {
      throw invalidStoredImage('it is no archive, or its end is missing')
    }
    throw error
  } finally {
    archive.destroy()
    source.destroy()
    await settled
  }
}

async function readManifest(entry: Entry): Promise<unknown> {
  const { name, size } = entry.header
  if (name !== manifestName) throw invalidStoredImage(`it begins with ${shown(name)} instead of ${manifestName}`)
  if (size > maximumManifestBytes) throw invalidStoredImage(`its manifest has ${size} bytes`)
  const chunks: Buffer[] = []
  for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk)
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown
  } catch {
    throw invalidStoredImage('its manifest is no JSON')
  }
}

async function extractDisk(entry: Entry, disk: ArchivedDisk, destination: string, signal: AbortSignal): Promise<void> {
  const { name, size } = entry.header
  if (name !== disk.file) throw invalidStoredImage(`it holds ${shown(name)} where ${disk.file} should be`)
  if (size !== disk.sizeBytes) throw invalidStoredImage(`${disk.file} has ${size} bytes instead of ${disk.sizeBytes}`)
  const hash = createHash('sha256')
  const digesting = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  await pipeline(entry, digesting, createWriteStream(destination, { mode: 0o600, flags: 'wx' }), { signal })
  const found = hash.digest('hex')
  if (found !== disk.sha256) {
    throw invalidStoredImage(`${disk.file} does not have its digest: expected ${disk.sha256}, found ${found}`)
  }
}

/** `Why` completes "The object is no stored image that can be restored: …". */
function invalidStoredImage(why: string): Ec2Error {
  return new Ec2Error('InvalidStoredImage', `The object is no stored image that can be restored: ${why}.`)
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 100))
}
