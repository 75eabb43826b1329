import type { ResourceRecord } from '../ports/store.ts'

/** An EBS snapshot: a name for a layer. */
export interface SnapshotRecord extends ResourceRecord {
  readonly layerId: string
  readonly state: 'completed'
  readonly description: string
  /** `vol-ffffffff` when it was not made from a volume, as EC2 says. */
  readonly volumeId: string
  readonly volumeSizeGib: number
  readonly startTime: string
}
