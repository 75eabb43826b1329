import { randomBytes } from 'node:crypto'
import { open, readdir, rename, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import fsExtra from 'fs-extra'

/** Makes a directory, and those above it, readable by its owner only. */
export async function ensurePrivateDirectory(path: string): Promise<void> {
  await fsExtra.ensureDir(path, { mode: 0o700 })
}

/**
 * Writes a file so that a reader, or a crash at any instant, sees the old content or the new one, never a part.
 * `isDurable` also waits until the disk has it; what can be made again from the database does without.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  options: { mode?: number; isDurable?: boolean } = {},
): Promise<void> {
  const temporary = `${path}.${processMark}.${temporaryCount++}.tmp`
  try {
    const file = await open(temporary, 'wx', options.mode ?? 0o600)
    try {
      await file.writeFile(content)
      if (options.isDurable ?? true) await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  if (options.isDurable ?? true) await syncDirectory(dirname(path))
}

let temporaryCount = 0
/** Not the pid, which a later process may have too: in a container it is the same each time. */
const processMark = randomBytes(4).toString('hex')

/** Removes what `writeFileAtomic` of a process that was killed has left in a directory that this process alone writes to. */
export async function removeHalfWritten(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const [, mark] = /\.([0-9a-f]+)\.\d+\.tmp$/.exec(name) ?? []
    if (mark !== undefined && mark !== processMark) await rm(join(directory, name), { force: true })
  }
}

/** Removes a directory with all that is in it, also while somebody writes a last file there: what has come meanwhile (ENOTEMPTY) goes as well. */
export async function removeDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 })
}

/** Makes names created, renamed or removed in a directory survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Bytes free for an ordinary user on the file system of `path`. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

/** Makes a file's content survive a power cut. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
