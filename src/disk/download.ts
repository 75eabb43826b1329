import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import fsExtra from 'fs-extra'
import { Ec2Error } from '../ec2/errors.ts'
import type { Checksum, WorkOptions } from '../ec2/ports/disk.ts'
import type { Clock } from '../host/clock.ts'
import { syncDirectory, syncFile } from '../host/files.ts'
import { fetchRest } from './fetch-rest.ts'
import { createPartialFile, type PartialFile } from './partial-file.ts'

export interface DownloadDependencies {
  readonly clock: Clock
  /** A longer file is refused. */
  readonly maximumBytes: number
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
 * Downloads a file so that it is there whole and verified, or not at all. What has come is kept in `DESTINATION.part`, with the
 * server's validator beside it, and a later call goes on from there. A server that breaks off is asked again. Rejects with
 * DownloadFailed, or with ChecksumMismatch naming both digests; the partial file goes then.
 */
export async function download(
  dependencies: DownloadDependencies,
  url: string,
  destination: string,
  checksum: Checksum | undefined,
  work: WorkOptions,
): Promise<void> {
  const part = createPartialFile(`${destination}.part`)
  await fetchAll(dependencies, url, part, work)
  if (checksum) await verify(url, part, checksum, work)
  await syncFile(part.path)
  await rename(part.path, destination)
  await syncDirectory(dirname(destination))
  await fsExtra.remove(part.validatorPath)
}

async function fetchAll(
  dependencies: DownloadDependencies,
  url: string,
  part: PartialFile,
  work: WorkOptions,
): Promise<void> {
  const limits = {
    maximumBytes: dependencies.maximumBytes,
    stallTimeoutMs: dependencies.stallTimeoutMs ?? defaultStallTimeoutMs,
  }
  for (let attempt = 1; ; attempt++) {
    const before = await part.sizeBytes()
    try {
      await fetchRest(url, part, limits, work)
      return
    } catch (error) {
      work.signal.throwIfAborted()
      if (error instanceof Ec2Error) throw error
      if ((await part.sizeBytes()) - before >= worthwhileBytes) attempt = 0
      if (attempt === attempts)
        throw new Ec2Error('DownloadFailed', `${url} could not be downloaded: ${reasonOf(error)}`)
      await dependencies.clock.sleep(firstPauseMs * 2 ** Math.max(0, attempt - 1), work.signal)
    }
  }
}

async function verify(url: string, part: PartialFile, checksum: Checksum, work: WorkOptions): Promise<void> {
  work.onProgress({ stage: 'Verifying' })
  const hash = createHash(checksum.algorithm)
  await pipeline(createReadStream(part.path), hash, { signal: work.signal })
  const found = hash.digest('hex')
  if (found === checksum.value) return
  await part.forget()
  throw new Ec2Error(
    'ChecksumMismatch',
    `${url} does not have the expected ${checksum.algorithm} digest: expected ${checksum.value}, found ${found}. Nothing was kept.`,
  )
}

/** `fetch` says little itself and hides the reason in a cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
