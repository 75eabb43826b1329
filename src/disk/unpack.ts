import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { outOfSpace } from '../ec2/out-of-space.ts'
import type { WorkOptions } from '../ec2/ports/work.ts'
import { freeBytes } from '../host/files.ts'
import { isOutOfSpace } from '../host/out-of-space.ts'
import { CommandError, type ProcessHost } from '../host/process.ts'
import { detectFormat } from './image-format.ts'
import { invalid } from './invalid-image.ts'
import { extractDisks } from './open-appliance.ts'
import type { DiskFormat } from './qemu-img.ts'
import { type Bound, limit } from './unpack-bound.ts'

/** A disk that needs no further unpacking. */
export interface PlainDisk {
  readonly path: string
  readonly format: DiskFormat
  /** Whether it came in an OVA. */
  readonly isFromAppliance: boolean
}

/** Nesting such as an xz within an OVA; more is an attack. */
const maximumDepth = 3

/** How much may be unpacked, how large a disk may say it is, and how many there may be. */
export interface UnpackLimits {
  /** Left free on the file system. */
  readonly reservedBytes: number
  readonly maximumVirtualBytes: number
  readonly maximumDisks: number
}

interface Unpacking {
  readonly processes: ProcessHost
  readonly source: string
  readonly directory: string
  readonly limits: UnpackLimits
}

/**
 * Unpacks compressed files and OVA archives into `directory` until disks are left: one, or the several of an OVA, the root first. A step
 * writes at most as much as a disk may have (a bomb ends in InvalidDiskImage) and as there is space (else InsufficientDiskSpace). What a
 * step unpacked is deleted as soon as the next one has read it.
 */
export async function unpackDisks(unpacking: Unpacking, work: WorkOptions): Promise<readonly PlainDisk[]> {
  return await unpackFile(
    unpacking,
    { path: unpacking.source, name: 'unpacked', depth: 0, isFromAppliance: false },
    work,
  )
}

async function unpackFile(
  unpacking: Unpacking,
  file: { path: string; name: string; depth: number; isFromAppliance: boolean },
  work: WorkOptions,
): Promise<readonly PlainDisk[]> {
  const { processes, source, directory, limits } = unpacking
  const { path, depth, isFromAppliance } = file
  const format = await detectFormat(path, limits.maximumVirtualBytes)
  if (format !== 'gzip' && format !== 'xz' && format !== 'zstd' && format !== 'ova') {
    return [{ path, format, isFromAppliance }]
  }
  if (depth === maximumDepth) throw invalid('it is packed more than three times over')
  work.onProgress({ stage: 'Unpacking' })
  const spaceBytes = Math.max(0, (await freeBytes(directory)) - limits.reservedBytes)
  const bound = boundOf(limits, directory, spaceBytes)
  const name = `${file.name}-${depth}`
  let unpacked: readonly string[] = [join(directory, name)]
  if (format === 'ova') {
    if (isFromAppliance) throw invalid('its archive holds another archive')
    const { maximumDisks } = limits
    const rules = {
      directory,
      name,
      maximumDisks,
      spaceBytes,
      boundOf: (left: number) => boundOf(limits, directory, left),
    }
    unpacked = await extractDisks(path, rules, work.signal)
  } else if (format === 'gzip') await gunzip(path, join(directory, name), bound, work.signal)
  else await decompress(processes, format, path, join(directory, name), bound, work.signal)
  if (path !== source) await rm(path)
  const disks: PlainDisk[] = []
  for (const [index, next] of unpacked.entries()) {
    const inside = {
      path: next,
      name: `${name}-${index + 1}`,
      depth: depth + 1,
      isFromAppliance: isFromAppliance || format === 'ova',
    }
    disks.push(...(await unpackFile(unpacking, inside, work)))
  }
  return disks
}

async function gunzip(source: string, destination: string, bound: Bound, signal: AbortSignal): Promise<void> {
  try {
    await pipeline(
      createReadStream(source),
      createGunzip(),
      limit(bound),
      createWriteStream(destination, { mode: 0o600 }),
      {
        signal,
      },
    )
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code.startsWith('Z_')) throw invalid('its gzip stream is damaged or truncated')
    throw error
  }
}

/** xz and zstd are tools: prlimit's file size bound ends a bomb. */
async function decompress(
  processes: ProcessHost,
  tool: 'xz' | 'zstd',
  source: string,
  destination: string,
  bound: Bound,
  signal: AbortSignal,
): Promise<void> {
  const limits = ['prlimit', `--fsize=${bound.bytes}`, '--as=4294967296', '--core=0', '--'] as const
  const own = tool === 'xz' ? ['xz', '-dc', '--', source] : ['zstd', '-dcq', '--', source]
  try {
    await processes.run({ argv: [...limits, ...own], outputPath: destination, signal, timeoutMs: 3600 * 1000 })
  } catch (error) {
    if (error instanceof CommandError && !signal.aborted) {
      if (error.endedBy === 'SIGXFSZ' || /File too large/.test(error.stderrTail)) throw bound.exceeded()
      if (isOutOfSpace(error)) throw error
      throw invalid(`its ${tool} stream is damaged or truncated`)
    }
    throw error
  }
}

function boundOf({ maximumVirtualBytes }: UnpackLimits, directory: string, spaceBytes: number): Bound {
  return spaceBytes < maximumVirtualBytes
    ? { bytes: spaceBytes, exceeded: () => outOfSpace('unpacking', directory) }
    : { bytes: maximumVirtualBytes, exceeded: () => invalid('it unpacks to more than is allowed') }
}
