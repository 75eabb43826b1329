import type { DriveKey, DriveLimits, DriveRate, DriveSpec } from '../ec2/ports/machine-spec.ts'
import type { DeviceSlot } from './device-slot.ts'

/** Names of the block nodes of a drive. Each freeze adds a generation: its overlay is the new top of the chain. */
export interface DriveNodes {
  readonly top: string
  readonly file: string
}

/** Of the drive's own file generation 0, of the overlay of its first freeze 1, … */
export function nodesOf(driveId: string, generation: number): DriveNodes {
  const top = generation === 0 ? driveId : `${driveId}-g${generation}`
  return { top, file: `${top}-file` }
}

/** What generation 0 stands on. */
export function baseNodeOf(driveId: string): string {
  return `${driveId}-base`
}

/** What a generation stands on once its backing file was opened anew; numbered, for the earlier one is there until the switch. */
export function renewedBaseOf(driveId: string, generation: number, number: number): string {
  return `${driveId}-g${generation}-base${number}`
}

/** The names that a drive's nodes have, whatever the generation; not that of its emptied drive. */
export function isNodeOf(driveId: string, name: string): boolean {
  return name.startsWith(driveId) && /^(-g\d+)?(-base\d*)?(-file)?$/.test(name.slice(driveId.length))
}

/** The generation that a top node's name says. */
export function generationOf(topNode: string): number {
  return Number(/-g(\d+)$/.exec(topNode)?.[1] ?? 0)
}

/** The node that a drive's device reads from: it holds the guest to the drive's limits, whatever generation is below it. */
export function throttleNodeOf(driveId: string): string {
  return `${driveId}-throttle`
}

/** The object with a drive's limits; no two drives share one. */
export function limitsIdOf(driveId: string): string {
  return `${driveId}-limits`
}

/** The id of a drive's device. */
export function deviceIdOf(driveId: string): string {
  return `${driveId}-device`
}

/** The drive whose device that is; undefined when it is none of a drive. */
export function driveIdOf(deviceId: string): string | undefined {
  return /^(disk\d+)-device$/.exec(deviceId)?.[1]
}

const cache = { direct: false, 'no-flush': false }

/** The node of a file. It stands by itself: reopening the qcow2 above it must not open it again by its name. */
export function fileNode(name: string, path: string): Record<string, unknown> {
  return { driver: 'file', 'node-name': name, filename: path, aio: 'threads', cache }
}

/** The node of a writable qcow2; `backing` names a node, null stands for none. */
export function overlayNode(
  { top, file }: DriveNodes,
  backing: string | null,
  keyId: string | undefined,
): Record<string, unknown> {
  return {
    driver: 'qcow2',
    'node-name': top,
    file,
    backing,
    ...encryptionOf(keyId),
    discard: 'unmap',
    'detect-zeroes': 'unmap',
    cache,
    // A frozen file must be complete without being closed: its reference counts are written with everything else.
    'lazy-refcounts': false,
  }
}

/** The same qcow2 once it is frozen: nothing is written to it any more, so others may read it too. */
export function frozenNode(
  { top, file }: DriveNodes,
  backing: string | null,
  keyId: string | undefined,
): Record<string, unknown> {
  return { driver: 'qcow2', 'node-name': top, file, backing, ...encryptionOf(keyId), 'read-only': true, cache }
}

function encryptionOf(keyId: string | undefined): { encrypt?: Record<string, string> } {
  return keyId === undefined ? {} : { encrypt: { format: 'luks', 'key-secret': keyId } }
}

/** The object by which QEMU reads a key; its id is what chains name the key by. */
export function keyObject({ id, path }: DriveKey): Record<string, unknown> {
  return { 'qom-type': 'secret', id, file: path }
}

/** The node of a layer that a drive stands on; what that stands on is opened by what the files say. */
export function backingNode(name: string, path: string, keyId: string | undefined): Record<string, unknown> {
  return {
    driver: 'qcow2',
    'node-name': name,
    'read-only': true,
    ...encryptionOf(keyId),
    file: { driver: 'file', filename: path, aio: 'threads', cache },
    cache,
  }
}

/** The block nodes of a drive, in the order in which they are made. */
export function blockNodes(drive: DriveSpec): Record<string, unknown>[] {
  const nodes = nodesOf(drive.id, 0)
  const base = baseNodeOf(drive.id)
  return [
    ...(drive.backingPath === undefined ? [] : [backingNode(base, drive.backingPath, drive.backingKeyId)]),
    fileNode(nodes.file, drive.path),
    overlayNode(nodes, drive.backingPath === undefined ? null : base, drive.keyId),
    {
      driver: 'throttle',
      'node-name': throttleNodeOf(drive.id),
      'throttle-group': limitsIdOf(drive.id),
      file: nodes.top,
      // Else what the guest discards would stop here.
      discard: 'unmap',
    },
  ]
}

/** The object that holds a drive's limits. */
export function throttleGroup({ id, limits }: Pick<DriveSpec, 'id' | 'limits'>): Record<string, unknown> {
  return { 'qom-type': 'throttle-group', id: limitsIdOf(id), limits: throttleLimits(limits) }
}

/**
 * QEMU's leaky bucket is EC2's: `max` a second until `max` × `max-length` more than the baseline were taken (docs/throttle.txt). All
 * members are always said, for QEMU keeps what a change leaves out.
 */
export function throttleLimits({ operations, operationBytes, bytes }: DriveLimits): Record<string, number> {
  return { ...bucket('iops-total', operations), 'iops-size': operationBytes, ...bucket('bps-total', bytes) }
}

function bucket(name: string, { baseline, burst }: DriveRate): Record<string, number> {
  return { [name]: baseline, [`${name}-max`]: burst?.rate ?? 0, [`${name}-max-length`]: burst?.seconds ?? 1 }
}

/** The virtio-blk device of a drive. */
export function driveDevice(drive: DriveSpec, slot: DeviceSlot): Record<string, unknown> {
  return {
    driver: 'virtio-blk-pci',
    id: deviceIdOf(drive.id),
    drive: throttleNodeOf(drive.id),
    ...slot,
    // Behind a PCI bridge QEMU would give it ports of virtio 0.9 as well.
    'disable-legacy': 'on',
    serial: drive.serial,
    // A full or failing disk pauses the machine, so that nothing is lost; the daemon tells and goes on when it can.
    werror: 'stop',
    rerror: 'stop',
    'write-cache': 'on',
    ...(drive.bootIndex === undefined ? {} : { bootindex: drive.bootIndex }),
  }
}
