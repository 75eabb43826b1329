import { readFile, stat } from 'node:fs/promises'
import fsExtra from 'fs-extra'
import { writeFileAtomic } from '../host/files.ts'

/** What has come of a download, with the server's validator (ETag or date) that tells whether the rest still belongs to it. */
export interface PartialFile {
  readonly path: string
  /** 0 when there is none. */
  sizeBytes(): Promise<number>
  /** Undefined when the server gave none that may be used for ranges: then it cannot be resumed. */
  readValidator(): Promise<string | undefined>
  keepValidator(validator: string | undefined): Promise<void>
  /** Deletes the file and its validator. */
  forget(): Promise<void>
}

export function createPartialFile(path: string): PartialFile {
  const validatorPath = `${path}.validator`
  return {
    path,
    sizeBytes: async () => (await orAbsent(stat(path)))?.size ?? 0,
    readValidator: async () => (await orAbsent(readFile(validatorPath, 'utf8'))) || undefined,
    keepValidator: async (validator) => {
      if (validator) await writeFileAtomic(validatorPath, validator, { isDurable: false })
      else await fsExtra.remove(validatorPath)
    },
    forget: async () => {
      await fsExtra.remove(path)
      await fsExtra.remove(validatorPath)
    },
  }
}

/**
 * What tells a server that the rest of its file still belongs to what has come: a strong ETag, else the date; a weak ETag may not be
 * used for ranges (RFC 9110, 13.1.5). Of a file that a digest will prove, the date goes first: mirrors of a publisher agree on it,
 * while each makes ETags its own way. Of a compressed answer nothing does: its ranges would count compressed bytes.
 */
export function validatorOf(headers: Headers, isProvenByDigest: boolean): string | undefined {
  if (headers.has('content-encoding')) return undefined
  const date = headers.get('last-modified') ?? undefined
  const etag = headers.get('etag')
  const strongEtag = etag?.startsWith('W/') ? undefined : (etag ?? undefined)
  if (isProvenByDigest) return date ?? strongEtag
  return etag ? strongEtag : date
}

async function orAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
