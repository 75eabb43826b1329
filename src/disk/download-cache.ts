import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import { Ec2Error } from '../ec2/errors.ts'
import type { DownloadOptions, FetchDownload } from '../ec2/ports/disk.ts'
import type { WorkOptions } from '../ec2/ports/work.ts'
import { ensurePrivateDirectory } from '../host/files.ts'
import { createKeyedLock } from '../host/keyed-lock.ts'
import { download, type DownloadDependencies } from './download.ts'
import { createPartialFile } from './partial-file.ts'

export interface DownloadCacheDependencies extends DownloadDependencies {
  /** Made when it is first needed. */
  readonly directory: string
}

/** What has come of downloads, by address, so that a later call goes on from there: also one of a later daemon. */
export interface DownloadCache {
  /** As `DiskHost.withDownload`. */
  use<T>(
    url: string,
    work: WorkOptions,
    use: (fetch: FetchDownload) => Promise<T>,
    options?: DownloadOptions,
  ): Promise<T>
  /** Deletes what nobody has gone on with for a week. */
  removeForgotten(): Promise<void>
}

/** The rest of a file that is no disk would not mend it; and what has come of one that does not fit keeps others from the room. */
const uselessAfter: ReadonlySet<string> = new Set(['InvalidDiskImage', 'InsufficientDiskSpace'])
const keptMs = 7 * 24 * 3600 * 1000

export function createDownloadCache(dependencies: DownloadCacheDependencies): DownloadCache {
  const { directory, clock } = dependencies
  const turns = createKeyedLock()

  return {
    use: async (url, work, use, options = {}) => {
      const part = createPartialFile(join(directory, fileNameOf(url)))
      if (turns.isHeld(part.path)) work.onProgress({ stage: 'Waiting for another download of the same file' })
      return await turns.run(part.path, work.signal, async () => {
        try {
          const result = await use(async (checksum) => {
            await ensurePrivateDirectory(directory)
            await download({ ...dependencies, ...options }, url, part, checksum, work)
            return part.path
          })
          await part.forget()
          return result
        } catch (error) {
          if (error instanceof Ec2Error && uselessAfter.has(error.code)) await part.forget()
          throw error
        }
      })
    },
    removeForgotten: async () => {
      if (!(await fsExtra.pathExists(directory))) return
      for (const name of await readdir(directory)) {
        const path = join(directory, name)
        const { mtimeMs } = await stat(path)
        if (clock.now().getTime() - mtimeMs > keptMs) await fsExtra.remove(path)
      }
    },
  }
}

/** One name for one address, with the file's own name in it for a person who looks. */
function fileNameOf(url: string): string {
  const digest = createHash('sha256').update(url).digest('hex').slice(0, 16)
  const own = new URL(url).pathname.split('/').at(-1) ?? ''
  const readable = own.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(-80)
  return `${digest}-${readable || 'download'}.part`
}
