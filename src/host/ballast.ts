import { randomBytes } from 'node:crypto'
import { open, rm, stat } from 'node:fs/promises'

/** Bytes that are kept on the disk for nothing, to be thrown overboard when the disk is full and small files must be written. */
export interface Ballast {
  /** Takes it on board when it is not there and the disk has plenty. */
  load(): Promise<void>
  /** Gives its room back when less than that is free. */
  dropIfNeeded(): Promise<void>
}

const sizeBytes = 4 * 1024 * 1024

export function createBallast(path: string, freeBytes: () => Promise<number>): Ballast {
  return {
    load: async () => {
      if ((await stat(path).catch(() => undefined)) || (await freeBytes()) < 4 * sizeBytes) return
      const file = await open(path, 'w', 0o600)
      try {
        // Zeros could be left out by a file system that compresses.
        await file.writeFile(randomBytes(sizeBytes))
        await file.sync()
      } finally {
        await file.close()
      }
    },
    dropIfNeeded: async () => {
      if ((await freeBytes()) < sizeBytes) await rm(path, { force: true })
    },
  }
}
