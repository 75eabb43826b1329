/** What the domain asks of buckets: directories of this host and S3-compatible stores, by the configuration. Implemented by src/disk/bucket/. */

import type { Readable } from 'node:stream'
import type { WorkOptions } from './work.ts'

/** Where an object is. */
export interface ObjectPlace {
  readonly bucket: string
  readonly key: string
}

export interface ObjectDescription {
  readonly key: string
  readonly sizeBytes: number
  readonly modifiedAt: Date
}

/** What is to be kept. */
export interface ObjectContent {
  readonly stream: Readable
  /** As much as there is, or a little more: how large the parts of an upload must be follows from it. */
  readonly sizeBytes: number
  /** Tags of the object; a directory keeps none, and refuses them. */
  readonly tags?: Readonly<Record<string, string>>
}

/**
 * All methods reject with Ec2Error: NoSuchBucket, NoSuchKey, InvalidKey for what cannot be a key there, AccessDenied, ObjectStoreFailed for
 * a store that does not answer as it should, InsufficientDiskSpace.
 */
export interface ObjectStore {
  /** Whether the configuration has that bucket and lets the account use it. */
  isOffered(bucket: string, accountId: string): boolean
  /** Throws for a key that the bucket cannot have, or tags that it cannot keep; before anything long is begun. */
  requirePlace(place: ObjectPlace, content?: Pick<ObjectContent, 'tags'>): void
  /** Keeps an object, in the place of one of that key; it is there as a whole or not at all. */
  put(place: ObjectPlace, content: ObjectContent, work: WorkOptions): Promise<void>
  /**
   * Brings an object into a file that is not there yet, going on where the connection broke off as long as the object stays the same. One of
   * more than `maximumBytes` is refused with InvalidDiskImage.
   */
  fetch(place: ObjectPlace, file: { path: string; maximumBytes: number }, work: WorkOptions): Promise<void>
  /** Its first bytes, as many as there are of those asked for. */
  readStart(place: ObjectPlace, bytes: number): Promise<Buffer>
  head(place: ObjectPlace, signal?: AbortSignal): Promise<ObjectDescription | undefined>
  /** In the order of their keys. */
  list(bucket: string, prefix: string): Promise<ObjectDescription[]>
  /** Of an object that is not there, does nothing. */
  remove(place: ObjectPlace): Promise<void>
  /** Deletes what a `put` of that object left that was killed. To be called while none runs. */
  removeInterruptedPut(place: ObjectPlace): Promise<void>
}
