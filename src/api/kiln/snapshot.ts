import { z } from 'zod'
import { exportFormats } from '../../ec2/ports/disk.ts'
import { hostPath } from './host-path.ts'

/** Snapshots as files. */
export const snapshotInputs = {
  /** Starts writing one of the caller's snapshots as a file of the host, in a format of its own. */
  KilnExportSnapshot: z.strictObject({
    SnapshotId: z.string(),
    /** An absolute path. */
    Destination: hostPath,
    Format: z.enum(exportFormats),
    /** Of qcow2 only. */
    IsCompressed: z.boolean().optional(),
    /** Whether a file that is there may be replaced. */
    Overwrite: z.boolean().optional(),
  }),
}

export interface SnapshotOutputs {
  KilnExportSnapshot: { TaskId: string }
}
