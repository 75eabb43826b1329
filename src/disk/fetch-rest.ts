import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Ec2Error } from '../ec2/errors.ts'
import type { WorkOptions } from '../ec2/ports/work.ts'
import { requireSpace } from './disk-space.ts'
import { type PartialFile, validatorOf } from './partial-file.ts'

export interface FetchRules {
  readonly maximumBytes: number
  /** How long the file has to be, where that is known before. */
  readonly sizeBytes?: number
  readonly fetch: typeof fetch
  readonly reservedBytes: number
  readonly stallTimeoutMs: number
  /** Whether a digest will tell if the file came together wrong. */
  readonly isProvenByDigest: boolean
}

/** Where an answer's body belongs in the file, and how long the whole file is, as far as the server says. */
interface Placement {
  readonly offset: number
  readonly totalBytes?: number
}

const progressIntervalMs = 200
/** Answers that another try may better: too many requests, a timeout. All 5xx as well. */
const passingStatuses: ReadonlySet<number> = new Set([408, 425, 429])

/**
 * Gets what is missing of the file. Rejects with Ec2Error when another try is pointless, with another Error when the connection
 * ended early or the server had a bad moment.
 */
export async function fetchRest(url: string, part: PartialFile, rules: FetchRules, work: WorkOptions): Promise<void> {
  const present = await part.sizeBytes()
  const validator = await part.readValidator()
  const asked = validator === undefined ? 0 : present
  const stall = new AbortController()
  const timer = setTimeout(
    () => stall.abort(new Error(`the server sent nothing for ${rules.stallTimeoutMs / 1000} s`)),
    rules.stallTimeoutMs,
  )
  try {
    const response = await rules.fetch(url, {
      // Compressed on the way, a file would have other lengths and offsets.
      headers: {
        'accept-encoding': 'identity',
        ...(asked > 0 && validator ? { range: `bytes=${asked}-`, 'if-range': validator } : {}),
      },
      signal: AbortSignal.any([work.signal, stall.signal]),
    })
    timer.refresh()
    try {
      if (response.status === 416 && isWhole(response, asked)) return
      const placement = await placeBody(url, response, part, { asked, validator, ...rules })
      refuseTooLong(url, placement.totalBytes ?? 0, rules)
      await requireSpaceForRest(url, part, placement, rules)
      // What goes on with a part keeps that part's validator.
      if (placement.offset === 0) await part.keepValidator(validatorOf(response.headers, rules.isProvenByDigest))
      await writeBody(url, response, part, placement, rules, work, timer)
    } finally {
      if (!response.bodyUsed) await response.body?.cancel()
    }
  } finally {
    clearTimeout(timer)
  }
}

/** The server has nothing after what is there, and says that it is all. */
function isWhole(response: Response, present: number): boolean {
  return present > 0 && response.headers.get('content-range') === `bytes */${present}`
}

async function placeBody(
  url: string,
  response: Response,
  part: PartialFile,
  request: { asked: number; validator: string | undefined; isProvenByDigest: boolean },
): Promise<Placement> {
  if (response.status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '')
    const current = validatorOf(response.headers, request.isProvenByDigest)
    // Some servers disregard If-Range: what they send may be of another version.
    const isSameVersion = current === undefined || current === request.validator
    if (range && request.asked > 0 && Number(range[1]) === request.asked && isSameVersion) {
      return { offset: request.asked, totalBytes: Number(range[2]) }
    }
    await part.forget()
    throw new Error('the server sent another part of the file than it was asked for')
  }
  if (response.status === 416 && request.asked > 0) {
    await part.forget()
    throw new Error('what is there of the file does not fit it any more')
  }
  if (response.status >= 500 || passingStatuses.has(response.status)) {
    throw new Error(`the server answered ${response.status} ${response.statusText}`)
  }
  if (response.status !== 200 || !response.body) {
    throw new Ec2Error('DownloadFailed', `${url} answered ${response.status} ${response.statusText}`)
  }
  // The Content-Length of an encoded body is not the file's.
  const length = response.headers.has('content-encoding') ? null : response.headers.get('content-length')
  return { offset: 0, ...(length === null ? {} : { totalBytes: Number(length) }) }
}

async function writeBody(
  url: string,
  response: Response,
  part: PartialFile,
  { offset, totalBytes }: Placement,
  rules: FetchRules,
  work: WorkOptions,
  timer: NodeJS.Timeout,
): Promise<void> {
  let position = offset
  const tell = () => {
    const total = totalBytes === undefined ? {} : { totalBytes }
    work.onProgress({ stage: 'Downloading', doneBytes: position, ...total })
  }
  const file = await open(part.path, offset > 0 ? 'r+' : 'w', 0o600)
  try {
    let toldAt = Number.NEGATIVE_INFINITY
    for await (const chunk of response.body ?? []) {
      timer.refresh()
      refuseTooLong(url, position + chunk.length, rules)
      position += await writeAt(file, chunk, position)
      if (performance.now() - toldAt >= progressIntervalMs) {
        toldAt = performance.now()
        tell()
      }
    }
  } finally {
    await file.close()
  }
  tell()
  if (totalBytes !== undefined && position < totalBytes) {
    throw new Error(`the connection ended after ${position} of ${totalBytes} bytes`)
  }
  if (totalBytes !== undefined && position > totalBytes) {
    await part.forget()
    throw new Ec2Error('DownloadFailed', `${url} sent ${position} bytes but had announced ${totalBytes}`)
  }
}

/** All of the chunk: a write may end early where the disk runs full, and the next one then says why. */
async function writeAt(file: FileHandle, chunk: Uint8Array, position: number): Promise<number> {
  let written = 0
  while (written < chunk.length) {
    const { bytesWritten } = await file.write(chunk, written, chunk.length - written, position + written)
    written += bytesWritten
  }
  return written
}

/** What is there already of the file and will be written over takes no more space. */
async function requireSpaceForRest(
  url: string,
  part: PartialFile,
  { totalBytes }: Placement,
  { reservedBytes }: FetchRules,
): Promise<void> {
  const neededBytes = Math.max(0, (totalBytes ?? 0) - (await part.sizeBytes()))
  await requireSpace(`the download of ${url}`, { path: dirname(part.path), neededBytes, reservedBytes })
}

function refuseTooLong(url: string, sizeBytes: number, rules: FetchRules): void {
  if (rules.sizeBytes !== undefined && sizeBytes > rules.sizeBytes) {
    throw new Ec2Error('DownloadFailed', `${url} is longer than the ${rules.sizeBytes} bytes that it should have`)
  }
  if (sizeBytes <= rules.maximumBytes) return
  throw new Ec2Error(
    'DownloadFailed',
    `${url} is longer than the ${rules.maximumBytes} bytes that are allowed (images.maximumVirtualGib)`,
  )
}
