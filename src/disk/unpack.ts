import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { outOfSpace } from '../ec2/errors.ts'
import type { WorkOptions } from '../ec2/ports/disk.ts'
import { isOutOfSpace } from '../host/out-of-space.ts'
import { CommandError, type ProcessHost } from '../host/process.ts'
import { detectFormat } from './image-format.ts'
import { invalid } from './invalid-image.ts'
import { extractDisk } from './open-appliance.ts'
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

/** How much may be unpacked, and how large the disk may say it is. */
export interface UnpackLimits {
  /** What the file system can take. */
  readonly spaceBytes: number
  readonly maximumVirtualBytes: number
}

/**
 * Unpacks compressed files and OVA archives into `directory` until a disk is left. A step writes at most as much as a disk may have
 * (a bomb ends in InvalidDiskImage) and as there is space (else InsufficientDiskSpace). What a step unpacked is deleted as soon as the next one has read it.
 */
export async function unpackDisk(
  processes: ProcessHost,
  source: string,
  directory: string,
  limits: UnpackLimits,
  work: WorkOptions,
): Promise<PlainDisk> {
  const bound = boundOf(limits, directory)
  let path = source
  let isFromAppliance = false
  for (let depth = 0; depth <= maximumDepth; depth++) {
    const format = await detectFormat(path, limits.maximumVirtualBytes)
    const next = join(directory, `unpacked-${depth}`)
    switch (format) {
      case 'gzip':
        work.onProgress({ stage: 'Unpacking' })
        await gunzip(path, next, bound, work.signal)
        break
      case 'xz':
      case 'zstd':
        work.onProgress({ stage: 'Unpacking' })
        await decompress(processes, format, path, next, bound, work.signal)
        break
      case 'ova':
        work.onProgress({ stage: 'Unpacking' })
        await extractDisk(path, next, bound, work.signal)
        isFromAppliance = true
        break
      default:
        return { path, format, isFromAppliance }
    }
    if (path !== source) await rm(path)
    path = next
  }
  throw invalid('it is packed more than three times over')
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

function boundOf({ spaceBytes, maximumVirtualBytes }: UnpackLimits, directory: string): Bound {
  return spaceBytes < maximumVirtualBytes
    ? { bytes: spaceBytes, exceeded: () => outOfSpace('unpacking', directory) }
    : { bytes: maximumVirtualBytes, exceeded: () => invalid('it unpacks to more than is allowed') }
}
