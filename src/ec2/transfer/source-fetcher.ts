import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import { Ec2Error } from '../errors.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { WorkOptions } from '../ports/work.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { DiskSource } from './transfer.ts'

/** Brings disks from where they are. */
export interface SourceFetcher {
  /** Lets `use` have the file; it is there until `use` has ended. Whatever is in it is still to be proven harmless. */
  use<T>(source: FetchedSource, directory: string, work: WorkOptions, use: (path: string) => Promise<T>): Promise<T>
}

export type FetchedSource = Exclude<DiskSource, { kind: 'snapshot' }>

export function createSourceFetcher(dependencies: {
  disks: DiskHost
  objects: ObjectStore
  /** Larger files are refused. */
  maximumBytes: number
}): SourceFetcher {
  const { disks, objects, maximumBytes } = dependencies

  return {
    use: async (source, directory, work, use) => {
      switch (source.kind) {
        case 'url':
          return await disks.withDownload(source.url, work, async (fetch) => await use(await fetch(undefined)))
        case 'file':
          await requireFile(source)
          return await use(source.path)
        case 'object': {
          // A copy: what lies in a bucket can change between its inspection and its use.
          const path = join(directory, 'fetched')
          await objects.fetch(source, { path, maximumBytes }, work)
          try {
            return await use(path)
          } finally {
            await fsExtra.remove(path)
          }
        }
      }
    },
  }
}

/** No link leads out of the directory that the path was allowed for. */
async function requireFile({ path, within }: Extract<DiskSource, { kind: 'file' }>): Promise<void> {
  const real = await realpath(path).catch(() => undefined)
  if (real === undefined) throw new Ec2Error('InvalidDiskImage', `There is no file ${path} that the daemon can read.`)
  if (within !== undefined && !real.startsWith(`${await realpath(within)}/`)) {
    throw new Ec2Error('InvalidDiskImage', `${path} is, or lies behind, a link that leads out of ${within}.`)
  }
  if ((await fsExtra.stat(real)).isFile()) return
  throw new Ec2Error('InvalidDiskImage', `${path} is not a regular file.`)
}
