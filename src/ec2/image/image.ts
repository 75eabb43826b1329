import type { ResourceRecord } from '../ports/store.ts'
import type { Architecture } from '../ports/machine.ts'

/** One device of an AMI: a snapshot from which launches make a volume. */
export interface ImageBlockDevice {
  readonly deviceName: string
  readonly snapshotId: string
  readonly volumeSizeGib: number
  readonly volumeType: string
  readonly deleteOnTermination: boolean
}

/** An AMI: metadata and a block device mapping onto snapshots. */
export interface ImageRecord extends ResourceRecord {
  readonly name: string
  readonly description?: string
  readonly architecture: Architecture
  readonly state: 'available' | 'deregistered'
  readonly creationDate: string
  /** As DescribeImages tells it: `ACCOUNT/NAME`. */
  readonly imageLocation: string
  readonly rootDeviceName: string
  readonly blockDevices: readonly ImageBlockDevice[]
  readonly bootMode: 'legacy-bios' | 'uefi'
  readonly enaSupport: boolean
  readonly imdsSupport?: 'v2.0'
}
