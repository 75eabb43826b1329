import { join } from 'node:path'
import { diskFile, type StatePaths } from '../../host/state-paths.ts'
import type { DriveSpec } from '../ports/machine.ts'
import type { ResourceRecord } from '../ports/store.ts'
import { limitsOf } from './volume-limits.ts'
import type { VolumePerformance } from './volume-type.ts'

/**
 * An EBS volume: a writable qcow2 overlay under `volumes/ID/`. It is recorded before its file is made, and `deleting` before
 * its file goes, so that a crash leaves no file that nothing owns.
 */
export interface VolumeRecord extends ResourceRecord, VolumePerformance {
  readonly state: 'creating' | 'available' | 'in-use' | 'deleting' | 'error'
  readonly availabilityZone: string
  readonly sizeGib: number
  readonly snapshotId?: string
  /** The layer that its overlay stands on. */
  readonly layerId?: string
  /** Name of its overlay's file in its directory, after its first snapshot; absent: `disk.qcow2`. */
  readonly overlay?: string
  readonly volumeType: string
  /** Of the marketplace products that are in it, which follow it wherever it goes. */
  readonly productCodes?: readonly string[]
  readonly createTime: string
  readonly attachment?: VolumeAttachment
  /** The latest ModifyVolume. */
  readonly modification?: VolumeModification
  /** Whether I/O goes on by itself after a doubt about the data; kept and told. */
  readonly autoEnableIo?: boolean
}

export interface VolumeAttachment {
  readonly instanceId: string
  readonly deviceName: string
  readonly state: 'attaching' | 'attached' | 'detaching'
  readonly attachTime: string
  readonly deleteOnTermination: boolean
  /** Root port of the machine that it sits in. */
  readonly port: number
  /** It is `detaching` whether or not the guest gives it up. */
  readonly isForced?: boolean
}

/** What ModifyVolume changes of a volume. */
export interface VolumeShape extends VolumePerformance {
  readonly sizeGib: number
  readonly volumeType: string
}

export interface VolumeModification {
  /** `optimizing`: the volume is as it was asked for, and is still to say so itself on the disk. */
  readonly state: 'modifying' | 'optimizing' | 'completed' | 'failed'
  readonly original: VolumeShape
  readonly target: VolumeShape
  readonly startTime: string
  readonly endTime?: string
  readonly statusMessage?: string
}

/** The name of the overlay that a volume's snapshot leaves it with: it stands on that layer. */
export function overlayOver(layerId: string): string {
  return `${layerId}.qcow2`
}

/** The name of a volume's overlay in its directory. */
export function overlayNameOf({ overlay }: Pick<VolumeRecord, 'overlay'>): string {
  return overlay ?? diskFile.disk
}

/** Where a volume's overlay lies: what its machine writes to. */
export function overlayPathOf(paths: StatePaths, volume: Pick<VolumeRecord, 'id' | 'overlay'>): string {
  return join(paths.volumes, volume.id, overlayNameOf(volume))
}

/** Where a layer's file lies. */
export function layerPathOf(paths: StatePaths, layerId: string): string {
  return join(paths.layers, layerId, diskFile.disk)
}

/** The file that a volume's overlay stands on, to be spread into what asks for it; nothing when it was made empty. */
export function backingOf(paths: StatePaths, { layerId }: Pick<VolumeRecord, 'layerId'>): { backingPath?: string } {
  return layerId === undefined ? {} : { backingPath: layerPathOf(paths, layerId) }
}

/** The drive of an attached volume. */
export function driveOf(paths: StatePaths, volume: VolumeRecord, port: number): DriveSpec {
  return {
    id: driveIdOf(port),
    path: overlayPathOf(paths, volume),
    ...backingOf(paths, volume),
    // virtio-blk's serial has 20 characters: `vol` and the 17 digits, as EC2's NVMe serial numbers are.
    serial: volume.id.replace('-', ''),
    port,
    limits: limitsOf(volume),
  }
}

/** The id of the drive in a root port. */
export function driveIdOf(port: number): string {
  return `disk${port}`
}
