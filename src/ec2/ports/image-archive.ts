/** Whole images as one file: a tar of a manifest and the disks that it names, in this order. Implemented by src/disk/. */

import type { Readable } from 'node:stream'
import type { WorkOptions } from './work.ts'

/** A file of an archive, as its manifest tells of it. */
export interface ArchivedDisk {
  /** Its name in the archive. */
  readonly file: string
  readonly sizeBytes: number
  /** Hexadecimal. */
  readonly sha256: string
}

export interface ImageArchive {
  /** The bytes of an archive, and about how many there are. `manifest` becomes JSON. */
  pack(
    manifest: object,
    disks: readonly { file: string; path: string; sizeBytes: number }[],
  ): { stream: Readable; sizeBytes: number }
  /** The manifest of an archive by its first `headBytes`, as JSON has it. Throws InvalidStoredImage for what is none. */
  readManifest(head: Buffer): Promise<unknown>
  readonly headBytes: number
  /**
   * Writes the disks of an archive into a directory, under their names. The archive must hold just those that `readDisks` finds in its
   * manifest, in their order, of their size and digest; nothing else is ever written. Rejects with InvalidStoredImage, or with
   * InsufficientDiskSpace.
   */
  unpack<T>(
    path: string,
    directory: string,
    readDisks: (manifest: unknown) => { contents: T; disks: readonly ArchivedDisk[] },
    work: WorkOptions,
  ): Promise<T>
}
