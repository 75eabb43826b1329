import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'

/** Another text as soon as anybody has written to a file or put another in its place. Pure. */
export function markOf({ ino, size, mtimeMs }: Pick<Stats, 'ino' | 'size' | 'mtimeMs'>): string {
  return `${ino}-${size}-${mtimeMs}`
}

/** The mark of the file at a path; undefined when there is none. */
export async function readMark(path: string): Promise<string | undefined> {
  try {
    return markOf(await stat(path))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
