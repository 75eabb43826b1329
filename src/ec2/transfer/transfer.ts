import type { ImageRecord } from '../image/image.ts'
import type { ExportFormat } from '../ports/disk.ts'
import type { WorkOptions } from '../ports/work.ts'
import type { ObjectPlace } from '../ports/object-store.ts'
import type { ResourceRecord, Tag } from '../ports/store.ts'

/** Where a disk comes from. */
export type DiskSource =
  | { readonly kind: 'snapshot'; readonly snapshotId: string }
  | ({ readonly kind: 'object' } & ObjectPlace)
  /** http or https. */
  | { readonly kind: 'url'; readonly url: string }
  /** A file of this host, which must lie in a directory where one is told. */
  | { readonly kind: 'file'; readonly path: string; readonly within?: string }

/** A disk that is imported. */
export interface ImportedDisk {
  readonly source: DiskSource
  /** As the caller says; what turns out to be another is refused. */
  readonly format?: ExportFormat
  readonly description?: string
  readonly sizeBytes?: number
  /** What came of it. */
  readonly snapshotId?: string
}

/** A disk that becomes a device of an image, usually named when the caller names none. */
export interface ImportedDevice extends ImportedDisk {
  readonly deviceName?: string
}

/**
 * Disks on their way in or out: EC2's task object, and the intent that the transfer runner carries out, also after the daemon was killed.
 * `deleted` is what EC2 calls those that were cancelled or failed; the message tells why.
 */
interface Transfer extends ResourceRecord {
  readonly state: 'active' | 'deleting' | 'deleted' | 'completed'
  readonly statusMessage?: string
  /** Of one that is being `deleted`, or is: somebody asked for it, it has not failed. */
  readonly isCancelled?: boolean
  readonly startedAt: string
  readonly endedAt?: string
}

export interface ImportImageRecord extends Transfer {
  readonly kind: 'import-image'
  /** That its snapshots are encrypted by, an ARN. */
  readonly kmsKeyId?: string
  readonly description?: string
  readonly architecture: ImageRecord['architecture']
  readonly bootMode: ImageRecord['bootMode']
  /** The first one is the root. What the caller names until it is completed; then the disks that it turned out to hold. */
  readonly disks: readonly ImportedDevice[]
  readonly imageId?: string
}

export interface ImportSnapshotRecord extends Transfer {
  readonly kind: 'import-snapshot'
  /** That it is encrypted by, an ARN. */
  readonly kmsKeyId?: string
  readonly description?: string
  readonly disk: ImportedDisk
}

export interface ExportImageRecord extends Transfer {
  readonly kind: 'export-image'
  readonly imageId: string
  readonly description?: string
  readonly format: ExportFormat
  readonly bucket: string
  readonly prefix: string
}

export interface StoreImageRecord extends Transfer {
  readonly kind: 'store-image'
  readonly imageId: string
  readonly bucket: string
  readonly key: string
  readonly objectTags: readonly Tag[]
}

export interface RestoreImageRecord extends Transfer {
  readonly kind: 'restore-image'
  /** Pending until it is restored. */
  readonly imageId: string
  readonly bucket: string
  readonly key: string
  /** For its snapshots, besides those that they had. */
  readonly snapshotTags: readonly Tag[]
}

export type TransferRecord =
  | ImportImageRecord
  | ImportSnapshotRecord
  | ExportImageRecord
  | StoreImageRecord
  | RestoreImageRecord

export type TransferRecordOf<Kind extends TransferRecord['kind']> = Extract<TransferRecord, { kind: Kind }>

/** A transfer under way. */
export interface TransferJob {
  /** Private and empty; deleted when it ends, however it ends. */
  readonly directory: string
  readonly signal: AbortSignal
  /** What is done next, of the whole: from one percentage to another. `source` is the index of the disk source that it is done with. */
  phase(fromPercent: number, toPercent: number, source?: number): WorkOptions
}

/** What has come of the work on a transfer, and waits to be recorded. */
export interface TransferOutcome<T extends TransferRecord> {
  /** Records it, in the transaction that completes the transfer; answers what changes in the transfer's own record. May throw. */
  commit(): Partial<T>
  /** Deletes what was made, for the commit could not be. */
  discard(): Promise<void>
  /** Follows the commit. */
  settle?(): Promise<void>
}

/** How transfers of one kind are carried out. */
export interface TransferWork<T extends TransferRecord> {
  /** Leaves nothing when it rejects. */
  run(transfer: T, job: TransferJob): Promise<TransferOutcome<T>>
  /** Deletes what a killed daemon left of the transfer outside of its own directories. */
  removeInterrupted?(transfer: T): Promise<void>
  /** It came to nothing; inside the transaction that says so. */
  abandon?(transfer: T, how: { readonly isCancelled: boolean; readonly reason: string }): void
}
