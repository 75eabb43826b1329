import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Ec2Error } from '../ec2/errors.ts'
import { outOfSpace } from '../ec2/out-of-space.ts'
import type { Checksum, DownloadOptions } from '../ec2/ports/disk.ts'
import type { WorkOptions } from '../ec2/ports/work.ts'
import type { Clock } from '../host/clock.ts'
import { isOutOfSpace } from '../host/out-of-space.ts'
import { fetchRest } from './fetch-rest.ts'
import type { PartialFile } from './partial-file.ts'

export interface DownloadDependencies extends DownloadOptions {
  readonly clock: Clock
  /** A longer file is refused. */
  readonly maximumBytes: number
  /** Bytes that a download leaves free on its file system. */
  readonly reservedBytes: number
  /** A server that sends nothing for so long has gone; a minute when absent. */
  readonly stallTimeoutMs?: number
}

/** Tries in a row that bring next to nothing before it is given up. */
const attempts = 5
const firstPauseMs = 500
/** A try that brought so much counts as a success: a long download over a bad line goes on as long as it gets forward. */
const worthwhileBytes = 1024 ** 2
const defaultStallTimeoutMs = 60_000

/**
 * Downloads into `part` until it is whole and verified, going on from what an earlier call left in it if the server says that the
 * rest still belongs to that. A server that breaks off is asked again. Rejects with DownloadFailed, InsufficientDiskSpace, or
 * ChecksumMismatch naming both digests; the partial file goes in the last case and stays in the others.
 */
export async function download(
  dependencies: DownloadDependencies,
  url: string,
  part: PartialFile,
  checksum: Checksum | undefined,
  work: WorkOptions,
): Promise<void> {
  refuseCredentials(url)
  await fetchAll(dependencies, url, part, checksum !== undefined, work)
  if (checksum) await verify(url, part, checksum, work)
}

async function fetchAll(
  dependencies: DownloadDependencies,
  url: string,
  part: PartialFile,
  isProvenByDigest: boolean,
  work: WorkOptions,
): Promise<void> {
  const { maximumBytes, sizeBytes, reservedBytes } = dependencies
  const rules = {
    isProvenByDigest,
    maximumBytes,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    fetch: dependencies.fetch ?? fetch,
    reservedBytes,
    stallTimeoutMs: dependencies.stallTimeoutMs ?? defaultStallTimeoutMs,
  }
  for (let attempt = 1; ; attempt++) {
    const before = await part.sizeBytes()
    try {
      await fetchRest(url, part, rules, work)
      return
    } catch (error) {
      work.signal.throwIfAborted()
      if (error instanceof Ec2Error) throw error
      if (isOutOfSpace(error)) throw outOfSpace(`the download of ${url}`, dirname(part.path))
      if ((await part.sizeBytes()) - before >= worthwhileBytes) attempt = 0
      if (attempt === attempts) {
        const kept =
          (await part.readValidator()) === undefined ? '' : ' What has come is kept: another try goes on from there.'
        throw new Ec2Error('DownloadFailed', `${url} could not be downloaded: ${reasonOf(error)}.${kept}`)
      }
      await dependencies.clock.sleep(firstPauseMs * 2 ** Math.max(0, attempt - 1), work.signal)
    }
  }
}

async function verify(url: string, part: PartialFile, checksum: Checksum, work: WorkOptions): Promise<void> {
  work.onProgress({ stage: 'Verifying' })
  const found = await digestFile(part.path, checksum.algorithm, work.signal)
  if (found === checksum.value) return
  await part.forget()
  throw new Ec2Error(
    'ChecksumMismatch',
    `${url} does not have the expected ${checksum.algorithm} digest: expected ${checksum.value}, found ${found}. Nothing was kept.`,
  )
}

/** Lower-case hexadecimal. */
export async function digestFile(
  path: string,
  algorithm: Checksum['algorithm'],
  signal?: AbortSignal,
): Promise<string> {
  const hash = createHash(algorithm)
  await pipeline(createReadStream(path), hash, signal ? { signal } : {})
  return hash.digest('hex')
}

/** `fetch` cannot use them, and an address is shown to whoever sees the task. */
function refuseCredentials(url: string): void {
  const { username, password } = new URL(url)
  if (!username && !password) return
  throw new Ec2Error(
    'DownloadFailed',
    'An address with a user name or password in it cannot be downloaded from. Download the file yourself and import it.',
  )
}

/** `fetch` says little itself and hides the reason in a cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
