import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { createDiskHost } from '../../../src/disk/disk-host.ts'
import { createKeyring } from '../../../src/disk/keyring.ts'
import { systemRandom } from '../../../src/host/random.ts'
import type { DiskHost } from '../../../src/ec2/ports/disk.ts'
import type { Progress, WorkOptions } from '../../../src/ec2/ports/work.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { createProcessHost } from '../../../src/host/process.ts'

export const mib = 1024 ** 2
const execute = promisify(execFile)

/** A directory of its own with a `layers` directory in it, gone after the test; tools to make and compare disks. */
export interface DiskLab {
  readonly directory: string
  readonly layers: string
  readonly disks: DiskHost
  path(name: string): string
  run(file: string, ...args: string[]): Promise<void>
  /** A disk of 8 MiB with a boot sector and data at both ends and in the middle. */
  makeRaw(name: string): Promise<string>
  /** SHA-256 of what a guest would read, of the first 8 MiB. */
  contentOf(path: string, format: string): Promise<string>
  /** Everything in `layers`. */
  listLayers(): Promise<string[]>
}

export async function createDiskLab({ maximumVirtualBytes = 64 * mib, reservedBytes = mib } = {}): Promise<DiskLab> {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-disk-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const layers = join(directory, 'layers')
  const path = (name: string) => join(directory, name)
  const disks = createDiskHost({
    processes: createProcessHost(),
    clock: systemClock,
    random: systemRandom,
    keyring: createKeyring(path('keyring'), systemRandom),
    downloadsDirectory: path('downloads'),
    maximumVirtualBytes,
    reservedBytes,
  })
  const run = async (file: string, ...args: string[]) => {
    await execute(file, args, { cwd: directory })
  }
  return {
    directory,
    layers,
    disks,
    path,
    run,
    makeRaw: async (name) => {
      const file = await open(path(name), 'w')
      await file.truncate(8 * mib)
      await file.write(Buffer.from([0x55, 0xaa]), 0, 2, 510)
      for (const position of [mib, 4 * mib, 7 * mib]) await file.write(randomBytes(mib), 0, mib, position)
      await file.close()
      return path(name)
    },
    contentOf: async (source, format) => {
      const raw = format === 'raw' ? source : path('content')
      if (format !== 'raw') await run('qemu-img', 'convert', '-f', format, '-O', 'raw', source, raw)
      // VHD rounds the size up to whole cylinders.
      return createHash('sha256')
        .update((await readFile(raw)).subarray(0, 8 * mib))
        .digest('hex')
    },
    listLayers: async () => {
      try {
        return await readdir(layers)
      } catch {
        return []
      }
    },
  }
}

/** Work that nobody cancels, with what it told. */
export function quietWork(): WorkOptions & { readonly told: Progress[] } {
  const told: Progress[] = []
  return { signal: new AbortController().signal, onProgress: (progress) => told.push(progress), told }
}
