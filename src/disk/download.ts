import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readFile, rename, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import fsExtra from 'fs-extra'
import { Ec2Error } from '../ec2/errors.ts'
import type { Checksum, WorkOptions } from '../ec2/ports/disk.ts'
import type { Clock } from '../host/clock.ts'
import { syncFile, writeFileAtomic } from '../host/files.ts'

const attempts = 5
const firstPauseMs = 500
const progressIntervalMs = 200
/** A server that sends nothing for so long has gone. */
const stallTimeoutMs = 60_000

/**
 * Downloads a file so that it is there whole and verified, or not at all. What has come is kept in `DESTINATION.part`, with the
 * server's validator beside it, and a later call goes on from there. A server that breaks off is asked again a few times. Rejects
 * with DownloadFailed, or ChecksumMismatch naming both digests; the partial file goes then.
 */
export async function download(
  dependencies: { clock: Clock },
  url: string,
  destination: string,
  checksum: Checksum | undefined,
  work: WorkOptions,
): Promise<void> {
  const part = `${destination}.part`
  for (let attempt = 1; ; attempt++) {
    try {
      await fetchRest(url, part, work)
      break
    } catch (error) {
      work.signal.throwIfAborted()
      if (error instanceof Ec2Error || attempt === attempts) throw downloadFailed(url, error)
      await dependencies.clock.sleep(firstPauseMs * 2 ** (attempt - 1), work.signal)
    }
  }
  if (checksum) await verify(url, part, checksum, work)
  await syncFile(part)
  await rename(part, destination)
  await fsExtra.remove(validatorPathOf(part))
}

/** Gets what is missing of the file; rejects when the connection ended before the end. */
async function fetchRest(url: string, part: string, work: WorkOptions): Promise<void> {
  const present = await sizeOf(part)
  const validator = await readFile(validatorPathOf(part), 'utf8').catch(() => '')
  const canResume = present > 0 && validator !== ''
  const stall = new AbortController()
  const response = await fetch(url, {
    headers: canResume ? { range: `bytes=${present}-`, 'if-range': validator } : {},
    signal: AbortSignal.any([work.signal, stall.signal]),
  })
  const rest = readRange(response, canResume ? present : 0)
  if (response.status === 416 && canResume) {
    // The part is as long as the file, or longer than it has become: begin again.
    await response.body?.cancel()
    await forget(part)
    throw new Error('the part does not fit the file any more')
  }
  if (!response.ok || !response.body)
    throw new Ec2Error('DownloadFailed', `${url} answered ${response.status} ${response.statusText}`)
  const nextValidator = response.headers.get('etag') ?? response.headers.get('last-modified') ?? ''
  // A weak validator may not be used for ranges (RFC 9110, 13.1.5).
  if (nextValidator !== '' && !nextValidator.startsWith('W/')) {
    await writeFileAtomic(validatorPathOf(part), nextValidator, { isDurable: false })
  } else await fsExtra.remove(validatorPathOf(part))

  const file = await open(part, rest.offset > 0 ? 'r+' : 'w', 0o600)
  let position = rest.offset
  let toldAt = 0
  try {
    let timer = setTimeout(() => stall.abort(), stallTimeoutMs)
    try {
      for await (const chunk of response.body) {
        clearTimeout(timer)
        timer = setTimeout(() => stall.abort(), stallTimeoutMs)
        await file.write(chunk, 0, chunk.length, position)
        position += chunk.length
        if (performance.now() - toldAt > progressIntervalMs) {
          toldAt = performance.now()
          const total = rest.totalBytes === undefined ? {} : { totalBytes: rest.totalBytes }
          work.onProgress({ stage: 'Downloading', doneBytes: position, ...total })
        }
      }
    } finally {
      clearTimeout(timer)
    }
    await file.truncate(position)
  } finally {
    await file.close()
  }
  if (rest.totalBytes !== undefined && position < rest.totalBytes) {
    throw new Error(`the connection ended after ${position} of ${rest.totalBytes} bytes`)
  }
  if (rest.totalBytes !== undefined && position > rest.totalBytes) {
    await forget(part)
    throw new Ec2Error('DownloadFailed', `${url} sent ${position} bytes but had announced ${rest.totalBytes}`)
  }
}

/** Where the body belongs and how long the whole file is, as far as the server says. */
function readRange(response: Response, asked: number): { offset: number; totalBytes?: number } {
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '')
  if (response.status === 206 && range && Number(range[1]) === asked)
    return { offset: asked, totalBytes: Number(range[2]) }
  // Content-Length of an encoded body is not the file's.
  const length = response.headers.has('content-encoding') ? null : response.headers.get('content-length')
  return { offset: 0, ...(length === null ? {} : { totalBytes: Number(length) }) }
}

async function verify(url: string, part: string, checksum: Checksum, work: WorkOptions): Promise<void> {
  work.onProgress({ stage: 'Verifying' })
  const hash = createHash(checksum.algorithm)
  await pipeline(createReadStream(part), hash, { signal: work.signal })
  const found = hash.digest('hex')
  if (found === checksum.value) return
  await forget(part)
  throw new Ec2Error(
    'ChecksumMismatch',
    `${url} does not have the expected ${checksum.algorithm} digest: expected ${checksum.value}, found ${found}. Nothing was kept.`,
  )
}

async function forget(part: string): Promise<void> {
  await fsExtra.remove(part)
  await fsExtra.remove(validatorPathOf(part))
}

function validatorPathOf(part: string): string {
  return `${part}.validator`
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined)
  return found?.size ?? 0
}

function downloadFailed(url: string, error: unknown): Ec2Error {
  if (error instanceof Ec2Error) return error
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return new Ec2Error(
    'DownloadFailed',
    `${url} could not be downloaded: ${error instanceof Error ? error.message : 'unknown'}${cause}`,
  )
}
