import { resolve } from 'node:path'
import { CliError, exitCode } from '../failure.ts'

/** Where a disk is that a command is to read, as the daemon is told: it has another working directory. */
export interface Source {
  readonly kind: 'file' | 'url' | 'object'
  readonly text: string
}

/** A file, an http(s) URL, or `s3://BUCKET/KEY`. Throws CliError for other schemes. */
export function readSource(text: string): Source {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  switch (scheme) {
    case undefined:
      return { kind: 'file', text: resolve(text) }
    case 'http':
    case 'https':
      return { kind: 'url', text }
    case 's3':
      return { kind: 'object', text }
    default:
      throw new CliError(
        `Disks come from files, from http and https URLs and from s3://BUCKET/KEY, not from ${scheme}.`,
        {
          exitCode: exitCode.usage,
        },
      )
  }
}
