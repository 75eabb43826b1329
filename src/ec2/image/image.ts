import type { Architecture } from '../ports/accelerator.ts'
import type { SharedRecord } from '../sharing.ts'
import type { VolumePerformance } from '../volume/volume-type.ts'
import type { BootSettings } from './boot-settings.ts'

/** One device of an AMI: a snapshot from which launches make a volume. */
export interface ImageBlockDevice extends VolumePerformance {
  readonly deviceName: string
  readonly snapshotId: string
  readonly volumeSizeGib: number
  readonly volumeType: string
  readonly deleteOnTermination: boolean
}

/** An AMI: metadata and a block device mapping onto snapshots. Its `sharing` is EC2's launch permission. */
export interface ImageRecord extends SharedRecord, BootSettings {
  readonly name: string
  readonly description?: string
  readonly architecture: Architecture
  /**
   * `pending` until all of its snapshots are completed, `failed` when one cannot be. A disabled one is its owner's alone and launches
   * nothing.
   */
  readonly state: 'pending' | 'available' | 'failed' | 'disabled'
  readonly stateReason?: { readonly code: string; readonly message: string }
  /** The instance that it was made from. */
  readonly sourceInstanceId?: string
  readonly creationDate: string
  /** As DescribeImages tells it: `ACCOUNT/NAME`. */
  readonly imageLocation: string
  readonly rootDeviceName: string
  readonly blockDevices: readonly ImageBlockDevice[]
  readonly enaSupport: boolean
  readonly imdsSupport?: 'v2.0'
  /** The image that it is a copy of, or that its instance was launched from. */
  readonly sourceImageId?: string
  readonly sourceImageRegion?: string
  /** Whom its servers let in, where no tag says it: an image of an instance has the tags that it is given. */
  readonly loginUser?: string
  readonly lastLaunchedTime?: string
  /** Of the marketplace products that are in it, which follow it wherever it goes. */
  readonly productCodes?: readonly string[]
  /** Absent: made by its owner. */
  readonly origin?: 'quick-start'
  /** As its owner has set it; `deprecationTimeOf` tells what holds. */
  readonly deprecationTime?: string
  readonly deregistrationProtection?: DeregistrationProtection
}

/** Protection against DeregisterImage; with a cooldown it holds for a day after it was taken away. */
export interface DeregistrationProtection {
  readonly hasCooldown: boolean
  readonly disabledAt?: string
}
