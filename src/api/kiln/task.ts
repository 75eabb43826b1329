import { z } from 'zod'

const taskKind = z.enum([
  'build-image',
  'pull-image',
  'import-image',
  'push-image',
  'pull-registry-image',
  'export-snapshot',
  'build-pipeline',
  'check-disks',
  'get-product',
  'import-snapshot',
  'export-image',
  'store-image',
  'restore-image',
])

/** Work that goes on after its answer. */
export const taskInputs = {
  /** Tasks of this run of the daemon and those that ended in the last day. */
  KilnDescribeTasks: z.strictObject({ TaskIds: z.array(z.string()).optional() }),
  KilnCancelTask: z.strictObject({ TaskId: z.string() }),
}

export interface TaskOutputs {
  KilnDescribeTasks: { Tasks: TaskDescription[] }
  KilnCancelTask: { Task: TaskDescription }
}

export interface TaskDescription {
  TaskId: string
  Kind: z.infer<typeof taskKind>
  /** What it works on: recipe, catalogue name, source, image or snapshot. */
  Subject: string
  State: 'running' | 'succeeded' | 'failed' | 'cancelled'
  Stage: string
  DoneBytes?: number
  TotalBytes?: number
  /** Where it is no matter of bytes alone. */
  ProgressPercentage?: number
  Detail?: string
  /** When it has succeeded in making one. */
  ImageId?: string
  SnapshotId?: string
  /** What a person should know of the result, such as that the image was there already. */
  Note?: string
  /** What went to a registry, or came from one. */
  Transfer?: {
    /** Of the manifest. */
    Digest: string
    /** Bytes that went over the line. */
    MovedBytes: number
    /** Bytes of layers that were there already. */
    SkippedBytes: number
  }
  Error?: { Code: string; Message: string }
  StartedAt: string
  EndedAt?: string
}
