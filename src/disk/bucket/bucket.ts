import type { Readable } from 'node:stream'
import { Ec2Error } from '../../ec2/errors.ts'
import type { WorkOptions } from '../../ec2/ports/work.ts'
import type { ObjectContent, ObjectDescription } from '../../ec2/ports/object-store.ts'

/** One bucket, whatever keeps its objects. */
export interface Bucket {
  /** Throws for a key or for tags that it cannot keep. */
  requirePlace(key: string, content?: Pick<ObjectContent, 'tags'>): void
  put(key: string, content: ObjectContent, work: WorkOptions): Promise<void>
  /** From that byte to the end, of the same version as an earlier reading. Rejects with NoSuchKey. */
  read(key: string, from: ReadPosition): Promise<ObjectReading>
  head(key: string, signal?: AbortSignal): Promise<ObjectDescription | undefined>
  list(prefix: string): Promise<ObjectDescription[]>
  remove(key: string): Promise<void>
  removeInterruptedPut(key: string): Promise<void>
}

export interface ReadPosition {
  readonly offset: number
  readonly version?: string | undefined
  readonly signal?: AbortSignal
}

export interface ObjectReading {
  readonly stream: Readable
  /** Of the whole object. */
  readonly sizeBytes: number
  /** Of an object that is changed, changes too. */
  readonly version: string
}

export function noSuchKey(bucket: string, key: string): Ec2Error {
  return new Ec2Error('NoSuchKey', `The bucket ${bucket} has no object ${key}.`, 404)
}

export function objectChanged(bucket: string, key: string): Ec2Error {
  return new Ec2Error('ObjectStoreFailed', `The object ${key} of the bucket ${bucket} was replaced while it was read.`)
}
