import { markOf } from '../../host/file-mark.ts'
import { constants, createWriteStream, type Stats } from 'node:fs'
import { lstat, mkdir, open, readdir, realpath, rename, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Ec2Error } from '../../ec2/errors.ts'
import { outOfSpace } from '../../ec2/out-of-space.ts'
import type { ObjectDescription } from '../../ec2/ports/object-store.ts'
import { syncDirectory, syncFile } from '../../host/files.ts'
import { isOutOfSpace } from '../../host/out-of-space.ts'
import { type Bucket, noSuchKey, objectChanged } from './bucket.ts'
import { countBytes } from './count-bytes.ts'

/** Beside the object while it is written; no object can have such a name. */
const part = { prefix: '.', suffix: '.kiln-part' }
/** S3's own limit, and that of file systems for each part between slashes. */
const maximumKeyBytes = 1024
const maximumNameBytes = 200

/**
 * A directory whose files are the objects: `a/b` is the file `b` in the directory `a`. Nothing outside of it is ever read or written,
 * whatever a key says and whatever links somebody has put there.
 */
export function createDirectoryBucket(bucket: string, directory: string): Bucket {
  function requirePlace(key: string, content?: { tags?: Readonly<Record<string, string>> }): void {
    const names = key.split('/')
    const isBad =
      Buffer.byteLength(key) > maximumKeyBytes ||
      names.some((name) => name === '' || name.startsWith('.') || name.includes('\0')) ||
      names.some((name) => Buffer.byteLength(name) > maximumNameBytes)
    if (isBad) {
      const why =
        'in a directory, keys are names with slashes between them, of 200 bytes each at most, none of which begins with a dot'
      throw new Ec2Error(
        'InvalidKey',
        `The bucket ${bucket} cannot have the key ${JSON.stringify(key.slice(0, 200))}: ${why}.`,
      )
    }
    if (Object.keys(content?.tags ?? {}).length > 0) {
      throw new Ec2Error('UnsupportedOperation', `The bucket ${bucket} is a directory: it keeps no tags of objects.`)
    }
  }

  /** The object's path, when what leads there are directories and no links. Undefined where a directory is missing. */
  async function locate(key: string): Promise<string | undefined> {
    requirePlace(key)
    const root = await requireRoot()
    const parent = dirname(join(root, key))
    const real = await orAbsent(realpath(parent))
    if (real === undefined) return undefined
    if (real !== parent) throw leadsOut(key)
    return join(parent, basename(key))
  }

  async function requireRoot(): Promise<string> {
    const root = await orAbsent(realpath(directory))
    if (root !== undefined) return root
    throw new Ec2Error('NoSuchBucket', `The directory ${directory} of the bucket ${bucket} does not exist.`, 404)
  }

  function leadsOut(key: string): Ec2Error {
    return new Ec2Error('AccessDenied', `The object ${key} of the bucket ${bucket} is, or lies behind, a link.`, 403)
  }

  async function makeParent(key: string): Promise<string> {
    requirePlace(key)
    const root = await requireRoot()
    let parent = root
    for (const name of key.split('/').slice(0, -1)) {
      parent = join(parent, name)
      await mkdir(parent, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error
      })
      if (!(await lstat(parent)).isDirectory()) throw leadsOut(key)
    }
    return parent
  }

  async function inspect(key: string): Promise<Stats | undefined> {
    const path = await locate(key)
    const found = path === undefined ? undefined : await orAbsent(lstat(path))
    if (found?.isDirectory()) return undefined
    if (found && !found.isFile()) throw leadsOut(key)
    return found
  }

  async function* walk(root: string, below: string): AsyncGenerator<ObjectDescription> {
    const entries = await readdir(join(root, below), { withFileTypes: true })
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue
      const path = join(root, below, entry.name)
      const key = relative(root, path)
      if (entry.isDirectory()) yield* walk(root, key)
      else if (entry.isFile()) {
        const found = await orAbsent(lstat(path))
        if (found) yield { key, sizeBytes: found.size, modifiedAt: found.mtime }
      }
    }
  }

  /** Directories that an object was the last in go with it, as if they had never been. */
  async function removeEmptyParents(key: string): Promise<void> {
    const root = await requireRoot()
    for (let parent = dirname(join(root, key)); parent !== root; parent = dirname(parent)) {
      const isGone = await rmdir(parent).then(
        () => true,
        () => false,
      )
      if (!isGone) return
    }
  }

  return {
    requirePlace,
    put: async (key, { stream, sizeBytes, tags = {} }, work) => {
      let temporary: string | undefined
      try {
        requirePlace(key, { tags })
        const parent = await makeParent(key)
        temporary = partOf(parent, key)
        await rm(temporary, { force: true })
        const count = countBytes(({ doneBytes }) =>
          work.onProgress({ stage: 'Storing', doneBytes: Math.min(doneBytes, sizeBytes), totalBytes: sizeBytes }),
        )
        await pipeline(stream, count, createWriteStream(temporary, { mode: 0o600, flags: 'wx' }), {
          signal: work.signal,
        })
        await syncFile(temporary)
        await rename(temporary, join(parent, basename(key)))
        await syncDirectory(parent)
      } catch (error) {
        stream.destroy()
        if (temporary !== undefined) {
          await rm(temporary, { force: true })
          await removeEmptyParents(key)
        }
        throw isOutOfSpace(error) ? outOfSpace(`writing to the bucket ${bucket}`, directory) : explain(error)
      }
    },
    read: async (key, { offset, version }) => {
      const found = await inspect(key)
      const path = await locate(key)
      if (!found || path === undefined) throw noSuchKey(bucket, key)
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
        throw explain(error)
      })
      const stats = await file.stat()
      const { size: sizeBytes } = stats
      const present = markOf(stats)
      if (version !== undefined && version !== present) {
        await file.close()
        throw objectChanged(bucket, key)
      }
      return { stream: file.createReadStream({ start: offset }), sizeBytes, version: present }
    },
    head: async (key) => {
      const found = await inspect(key)
      return found && { key, sizeBytes: found.size, modifiedAt: found.mtime }
    },
    list: async (prefix) => {
      const found: ObjectDescription[] = []
      for await (const object of walk(await requireRoot(), '')) if (object.key.startsWith(prefix)) found.push(object)
      return found.sort((one, other) => (one.key < other.key ? -1 : 1))
    },
    remove: async (key) => {
      if (!(await inspect(key))) return
      const path = await locate(key)
      if (path === undefined) return
      await rm(path, { force: true })
      await syncDirectory(dirname(path))
      await removeEmptyParents(key)
    },
    removeInterruptedPut: async (key) => {
      const path = await locate(key)
      if (path === undefined) return
      await rm(partOf(dirname(path), key), { force: true })
      await removeEmptyParents(key)
    },
  }

  /** What the file system refuses is told as S3 would. */
  function explain(error: unknown): unknown {
    if (!(error instanceof Error) || !('code' in error) || error instanceof Ec2Error || error.name === 'AbortError')
      return error
    return new Ec2Error(
      'AccessDenied',
      `The directory ${directory} of the bucket ${bucket} cannot be used: ${error.message}`,
      403,
    )
  }
}

function partOf(parent: string, key: string): string {
  return join(parent, `${part.prefix}${basename(key)}${part.suffix}`)
}

async function orAbsent<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}
