import { constants } from 'node:fs'
import { access, open, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The files that a manifest names, by paths relative to its directory. */
export interface ManifestFiles {
  /** Where a path leads; `~/` is the home directory. */
  locate(path: string): string
  /** Why it is no readable file, if so. */
  check(path: string): Promise<string | undefined>
  /** Its content, read once; or why it cannot be read. */
  read(path: string): Promise<{ content: Buffer } | { problem: string }>
}

/** Far more than user data or a public key may have: a longer file is refused without being read. */
const maximumBytes = 1024 * 1024

/** Files beside the manifest of that directory. */
export function createManifestFiles(directory: string): ManifestFiles {
  const known = new Map<string, Promise<{ content: Buffer } | { problem: string }>>()

  function locate(path: string): string {
    return path.startsWith('~/') ? join(homedir(), path.slice(2)) : resolve(directory, path)
  }

  async function check(path: string): Promise<string | undefined> {
    try {
      if (!(await stat(locate(path))).isFile()) return `${path} is not a regular file.`
      await access(locate(path), constants.R_OK)
      return undefined
    } catch (error) {
      return explain(path, error)
    }
  }

  async function read(path: string): Promise<{ content: Buffer } | { problem: string }> {
    const problem = await check(path)
    if (problem) return { problem }
    try {
      const file = await open(locate(path))
      try {
        const { size } = await file.stat()
        if (size > maximumBytes) return { problem: `${path} has ${size} bytes, more than can be meant.` }
        return { content: await file.readFile() }
      } finally {
        await file.close()
      }
    } catch (error) {
      return { problem: explain(path, error) }
    }
  }

  return {
    locate,
    check,
    read: (path) => {
      const content = known.get(path) ?? read(path)
      known.set(path, content)
      return content
    },
  }
}

function explain(path: string, error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT') return `there is no file ${path}.`
  return `${path} cannot be read (${code ?? String(error)}).`
}
