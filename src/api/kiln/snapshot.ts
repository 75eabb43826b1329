import { z } from 'zod'
import { exportFormats } from '../../ec2/ports/disk.ts'

/** Snapshots as files of the host and objects of buckets, and what is in those. */
export const snapshotInputs = {
  /** Starts writing one of the caller's snapshots as a file of the host or an object of a bucket, in a format of its own. */
  KilnExportSnapshot: z.strictObject({
    SnapshotId: z.string(),
    /** An absolute path, or `s3://BUCKET/KEY`. */
    Destination: z
      .string()
      .regex(/^(\/|s3:\/\/)/i, 'must be an absolute path, or s3://BUCKET/KEY')
      .max(4096),
    Format: z.enum(exportFormats),
    /** Of qcow2 only. */
    IsCompressed: z.boolean().optional(),
    /** Whether a file or an object that is there may be replaced. */
    Overwrite: z.boolean().optional(),
  }),
  /** What is in a bucket of the caller's. */
  KilnDescribeObjects: z.strictObject({
    Bucket: z.string().min(1).max(63),
    /** What their keys begin with. */
    Prefix: z.string().max(1024).optional(),
  }),
}

export interface SnapshotOutputs {
  KilnExportSnapshot: { TaskId: string }
  KilnDescribeObjects: { Objects: { Key: string; SizeBytes: number; ModifiedAt: string }[] }
}
