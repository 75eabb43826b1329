import { z } from 'zod'

/** What lies on the host's disk. */
export const diskInputs = {
  /** Ancestry and sizes of all layers, images, snapshots and volumes, of all accounts, and what deleting each would free. */
  KilnDescribeDisks: z.strictObject({}),
  /** Starts reading the layers that images, snapshots, volumes or layers stand on, or all, and comparing them with their records. */
  KilnCheckDisks: z.strictObject({ ResourceIds: z.array(z.string().max(64)).min(1).max(1000).optional() }),
}

export interface DiskOutputs {
  KilnDescribeDisks: DiskDescription
  KilnCheckDisks: { TaskId: string }
}

/** What something takes on the host's disk, with all that it stands on; sizes are those of the files, whatever the disks hold. */
export interface DiskUse {
  TotalBytes: number
  /** Of that, what others stand on too. */
  SharedBytes: number
  /** What deleting it would free; of an image, with its snapshots. */
  FreedBytes: number
}

export interface DiskDescription {
  Layers: {
    LayerId: string
    /** What it stands on. */
    ParentId?: string
    State: string
    Bytes: number
    /** Layers of its chain, itself included. */
    Depth: number
    IsFlattening: boolean
    Damage?: { FoundAt: string; Reason: string }
    SnapshotIds: string[]
  }[]
  Images: (DiskUse & { ImageId: string; Name: string; SnapshotIds: string[]; RetentionDays?: number })[]
  /** `RetentionDays`: deleting frees nothing before it has been in the Recycle Bin for so long. */
  Snapshots: (DiskUse & {
    SnapshotId: string
    LayerId: string
    State: string
    StorageTier: 'standard' | 'archive'
    /** Images that map it: it cannot be deleted before those. */
    ImageIds: string[]
    RetentionDays?: number
  })[]
  RecycledSnapshots: (DiskUse & { SnapshotId: string; LayerId: string; ExitTime: string })[]
  /** `OwnBytes` is its overlay: what was written since its last snapshot. */
  Volumes: (DiskUse & {
    VolumeId: string
    LayerId?: string
    InstanceId?: string
    State: string
    OwnBytes: number
  })[]
  /** What hibernated instances have kept of their memory; it goes when they are started or terminated. */
  Memories: { InstanceId: string; SavedAt: string; Bytes: number }[]
  /** Warm templates, as long as they are made with the files that there are. `OwnBytes` is their memory and the state of their devices. */
  Templates: (DiskUse & {
    TemplateId: string
    ImageId: string
    InstanceType: string
    /** Its disk; absent while it is made. */
    LayerId?: string
    State: string
    OwnBytes: number
  })[]
  LayerBytes: number
  VolumeBytes: number
  MemoryBytes: number
  /** Memory and devices of the templates. */
  TemplateBytes: number
  /** Of the host's file system, for an ordinary user. */
  FreeBytes: number
}
