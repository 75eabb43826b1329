import type { ResourceRecord } from '../ports/store.ts'

/**
 * An EBS volume: a writable qcow2 overlay under `volumes/ID/`. It is recorded before its file is made, and `deleting` before
 * its file goes, so that a crash leaves no file that nothing owns.
 */
export interface VolumeRecord extends ResourceRecord {
  readonly state: 'creating' | 'available' | 'in-use' | 'deleting'
  readonly availabilityZone: string
  readonly sizeGib: number
  readonly snapshotId?: string
  /** The layer that its overlay stands on. */
  readonly layerId?: string
  readonly volumeType: string
  readonly iops?: number
  readonly throughputMibps?: number
  readonly createTime: string
  readonly attachment?: VolumeAttachment
}

export interface VolumeAttachment {
  readonly instanceId: string
  readonly deviceName: string
  readonly state: 'attaching' | 'attached'
  readonly attachTime: string
  readonly deleteOnTermination: boolean
  /** Root port of the machine that it sits in. */
  readonly port: number
}
