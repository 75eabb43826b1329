import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Repository } from '../ec2/ports/registry.ts'
import type { Clock } from '../host/clock.ts'
import { ensurePrivateDirectory, writeFileAtomic } from '../host/files.ts'
import { isOutOfSpace } from '../host/out-of-space.ts'

/** Where uploads that are under way go on, so that a later daemon goes on with them. May be lost at any time: a full disk stops no upload. */
export interface UploadNotes {
  find(repository: Repository, digest: string): Promise<string | undefined>
  keep(repository: Repository, digest: string, location: string): Promise<void>
  forget(repository: Repository, digest: string): Promise<void>
  /** Deletes those that no registry will know any more. */
  removeForgotten(): Promise<void>
}

/** Registries give uploads up after a week at most (docker-registry's `uploadpurging`). */
const keptMs = 7 * 24 * 3600 * 1000

export function createUploadNotes({ directory, clock }: { directory: string; clock: Clock }): UploadNotes {
  const pathOf = ({ host, path }: Repository, digest: string) =>
    join(directory, createHash('sha256').update(`${host}/${path}@${digest}`).digest('hex').slice(0, 32))
  return {
    find: (repository, digest) => readFile(pathOf(repository, digest), 'utf8').catch(() => undefined),
    keep: async (repository, digest, location) => {
      await keepNote(pathOf(repository, digest), location).catch((error: unknown) => {
        if (!isOutOfSpace(error)) throw error
      })
    },
    forget: (repository, digest) => fsExtra.remove(pathOf(repository, digest)),
    removeForgotten: async () => {
      if (!(await fsExtra.pathExists(directory))) return
      for (const name of await readdir(directory)) {
        const path = join(directory, name)
        if (clock.now().getTime() - (await stat(path)).mtimeMs > keptMs) await fsExtra.remove(path)
      }
    },
  }
}

async function keepNote(path: string, location: string): Promise<void> {
  await ensurePrivateDirectory(dirname(path))
  await writeFileAtomic(path, location, { isDurable: false })
}
