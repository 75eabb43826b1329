import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import { invalidParameterValue } from '../errors.ts'
import type { DiskHost, ExportFormat } from '../ports/disk.ts'
import type { WorkOptions } from '../ports/work.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { isObjectUrl, readObjectUrl } from './object-url.ts'

export interface SnapshotExport {
  /** The layer's file. */
  readonly path: string
  readonly format: ExportFormat
  /** A file of the host, or `s3://BUCKET/KEY`. */
  readonly destination: string
  readonly isCompressed: boolean
  readonly isOverwriting: boolean
}

/** Writes a snapshot's disk where the caller wants it: a file appears as a whole or not at all, and so does an object. */
export async function writeSnapshot(
  { disks, objects }: { disks: DiskHost; objects: ObjectStore },
  { path, format, destination, isCompressed, isOverwriting }: SnapshotExport,
  job: WorkOptions & { readonly directory: string },
): Promise<void> {
  const place = isObjectUrl(destination) ? readObjectUrl(destination) : undefined
  if (!isOverwriting && (place ? await objects.head(place, job.signal) : await fsExtra.pathExists(destination))) {
    const what = place ? 'an object' : 'a file'
    throw invalidParameterValue(
      'Destination',
      destination,
      `There is such ${what} already: Overwrite (--force) replaces it.`,
    )
  }
  const file = place ? join(job.directory, `disk.${format}`) : destination
  const { sizeBytes } = await disks.exportDisk({ path, format, destination: file, isCompressed }, job)
  if (place) await objects.put(place, { stream: createReadStream(file), sizeBytes }, job)
}
