import { join } from 'node:path'
import { diskFile, type StatePaths } from '../../host/state-paths.ts'
import { type Encryption, keyPathOf, keysOfChain } from '../encryption/encryption.ts'
import type { DriveSpec } from '../ports/machine-spec.ts'
import type { ResourceRecord, Store } from '../ports/store.ts'
import { limitsOf } from './volume-limits.ts'
import type { VolumePerformance } from './volume-type.ts'

/**
 * An EBS volume: a writable qcow2 overlay under `volumes/ID/`. It is recorded before its file is made, and `deleting` before
 * its file goes, so that a crash leaves no file that nothing owns.
 */
export interface VolumeRecord extends ResourceRecord, VolumePerformance, Encryption {
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

/** Records, and where their files lie. */
interface State {
  readonly store: Store
  readonly paths: StatePaths
}

/** The file that a volume's overlay stands on, with its key, to be spread into what asks for it; nothing when it was made empty. */
export function backingOf(
  { store, paths }: State,
  { layerId }: Pick<VolumeRecord, 'layerId'>,
): { backingPath?: string; backingKeyId?: string } {
  if (layerId === undefined) return {}
  const keyId = store.layers.find(layerId)?.encryptionKeyId
  return { backingPath: layerPathOf(paths, layerId), ...(keyId === undefined ? {} : { backingKeyId: keyId }) }
}

/** The key of an encrypted volume or layer, to be spread into what asks for it. */
export function keyOf({ encryptionKeyId }: Pick<VolumeRecord, 'encryptionKeyId'>): { keyId?: string } {
  return encryptionKeyId === undefined ? {} : { keyId: encryptionKeyId }
}

/** Every key that a volume's chain needs, the volume's own among them. */
export function keyIdsOf(store: Store, { encryptionKeyId, layerId }: VolumeRecord): string[] {
  const below = keysOfChain(store, layerId)
  return encryptionKeyId === undefined ? below : [...new Set([encryptionKeyId, ...below])]
}

/** The drive of an attached volume. */
export function driveOf(state: State, volume: VolumeRecord, port: number): DriveSpec {
  const { store, paths } = state
  const keys = keyIdsOf(store, volume).map((id) => ({ id, path: keyPathOf(paths, id) }))
  return {
    id: driveIdOf(port),
    path: overlayPathOf(paths, volume),
    ...keyOf(volume),
    ...backingOf(state, volume),
    ...(keys.length > 0 ? { keys } : {}),
    // virtio-blk's serial has 20 characters: `vol` and the 17 digits, as EC2's NVMe serial numbers are.
    serial: volume.id.replace('-', ''),
    port,
    limits: limitsOf(volume),
  }
}

/** The id of the drive in a port. */
export function driveIdOf(port: number): string {
  return `disk${port}`
}
