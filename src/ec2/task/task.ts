import type { ResourceRecord } from '../ports/store.ts'

/** Long work on an image or a snapshot: building, pulling, importing, pushing, exporting. Progress is kept in memory only. */
export interface TaskRecord extends ResourceRecord {
  readonly kind:
    | 'build-image'
    | 'pull-image'
    | 'import-image'
    | 'push-image'
    | 'pull-registry-image'
    | 'export-snapshot'
    | 'build-pipeline'
    | 'check-disks'
    | 'get-product'
  readonly subject: string
  readonly state: 'running' | 'succeeded' | 'failed' | 'cancelled'
  readonly imageId?: string
  /** The file that is written, outside of the state directory, or the object: `s3://BUCKET/KEY`. */
  readonly destination?: string
  /** The daemon's end broke off sending to the destination, and the parts that a store has got are still to be deleted there. */
  readonly hasPartsLeft?: boolean
  readonly note?: string
  readonly transfer?: Transfer
  readonly error?: { readonly code: string; readonly message: string }
  readonly startedAt: string
  readonly endedAt?: string
}

/** What became of a task that succeeded. */
export interface TaskResult {
  /** Where it made one. */
  readonly imageId?: string
  /** What a person should know of it, such as that the image was there already. */
  readonly note?: string
  readonly transfer?: Transfer
}

/** What went to a registry, or came from one. */
export interface Transfer {
  /** The manifest's: `sha256:HEX`. */
  readonly digest: string
  /** Bytes that went over the line, what is not the layers' own included. */
  readonly movedBytes: number
  /** Bytes of layers that did not have to. */
  readonly skippedBytes: number
}
