/** What a machine is made of, in QEMU's words: it has drives and network devices, and knows nothing of accounts, images or security groups. */

import type { Accelerator, Architecture, Emulation } from './accelerator.ts'

/** How many drives and network devices a machine has room for; each is plugged into a port, which is a slot (machine/device-slot.ts). */
export const drivePortCount = 12
export const networkPortCount = 4
/** Those that a machine has besides when it has network devices on bridges of the host: numbered on. */
export const bridgedPortCount = 4

/** A virtio-blk disk. */
export interface DriveSpec {
  /** Node name and device id: letters, digits, `-`; at most 31 characters. */
  readonly id: string
  /** A qcow2 file. */
  readonly path: string
  /** The key that it is encrypted by (LUKS), one of `keys`. */
  readonly keyId?: string
  /** The qcow2 file that it stands on, as its header says. */
  readonly backingPath?: string
  /** The key of that file, one of `keys`. */
  readonly backingKeyId?: string
  /** Every key that its chain needs; the files below name them by their ids. */
  readonly keys?: readonly DriveKey[]
  /** Serial that the guest sees, at most 20 characters. */
  readonly serial: string
  /** The port it sits in, from 0; drives and network devices number their ports apart. */
  readonly port: number
  /** Lowest boots first; absent: not a boot disk. */
  readonly bootIndex?: number
  /** What the guest gets of it at most. */
  readonly limits: DriveLimits
}

/** How fast a drive may be; reads and writes count together. */
export interface DriveLimits {
  /** Operations a second. */
  readonly operations: DriveRate
  /** A larger operation counts as several of this size. */
  readonly operationBytes: number
  /** Bytes a second. */
  readonly bytes: DriveRate
}

/**
 * So much a second. With a burst there is a bucket of `rate` × `seconds`, full at first: as long as something is in it `rate` may be
 * taken a second, and `baseline` comes in.
 */
export interface DriveRate {
  readonly baseline: number
  readonly burst?: { readonly rate: number; readonly seconds: number }
}

/** A key as QEMU is told of it: the file that it reads itself. */
export interface DriveKey {
  readonly id: string
  readonly path: string
}

/** A virtio-net device on a persistent tap that exists in the namespace QEMU is started in. */
export interface NetworkDeviceSpec {
  readonly id: string
  readonly tapName: string
  /** Lower case, colon separated. */
  readonly mac: string
  readonly port: number
}

/** A variable that UEFI firmware keeps. */
export interface UefiVariable {
  readonly name: string
  /** The 16 bytes of its vendor's GUID as they are stored, hexadecimal. */
  readonly vendor: string
  /** EFI_VARIABLE_…, UEFI specification 8.2. */
  readonly attributes: number
  /** Base64. */
  readonly data: string
  /** The 16 bytes of its EFI_TIME, hexadecimal; only of variables with time-based authentication. */
  readonly timestamp?: string
}

/** UEFI firmware as its package brings it. */
export interface FirmwareFiles {
  /** Flash with the firmware itself, for reading only. */
  readonly codePath: string
  /** What a machine's own flash, in which the firmware keeps variables, is a copy of. */
  readonly variablesPath: string
}

export interface FirmwareSpec extends FirmwareFiles {
  /** What a new machine's flash begins with. */
  readonly variables?: readonly UefiVariable[]
}

/** How far a template's guest has come: everything is up but what is of an identity, or nothing has asked for its metadata yet. */
export const templateDepths = ['booted', 'before-cloud-init'] as const
export type TemplateDepth = (typeof templateDepths)[number]

/**
 * What a machine has to do with a warm template. Its `source` boots into a file that holds its memory, and stands still for good; a `clone`
 * goes on from there with a memory of its own that is that file until it is written to.
 */
export interface TemplateSpec {
  readonly role: 'source' | 'clone'
  readonly memoryPath: string
  /** Of a source: where its guest is to stop and wait. A clone's guest does not find it when it boots anew. */
  readonly depth?: TemplateDepth
}

/** All that a machine is made of. `argv` is a pure function of it, so it must be complete and serialisable. */
export interface MachineSpec {
  /** `-name`; unique in the state directory (the instance id). */
  readonly name: string
  /** Existing private directory for sockets, logs and this spec (host/state-paths.ts machineFile). */
  readonly directory: string
  readonly architecture: Architecture
  readonly accelerator: Accelerator
  /** For example `pc-q35-7.2`: versioned, so that a machine keeps its shape when QEMU is upgraded. */
  readonly machineType: string
  /** Threads of all cores. */
  readonly cpuCount: number
  /** Threads that share a core; absent: each has its own. */
  readonly threadsPerCore?: number
  readonly memoryMib: number
  /** SMBIOS system UUID; the serial number is the same. Begins with `ec2` so that cloud-init chooses its Ec2 datasource. */
  readonly uuid: string
  /** Virtual machine generation id (UUID); a new one tells the guest's kernel to reseed. */
  readonly generationId: string
  /** UEFI; absent: the BIOS of an x86 machine. Its variables are in the machine's directory, and stay there from run to run. */
  readonly firmware?: FirmwareSpec
  /** A TPM 2.0, whose state is in the machine's directory too. */
  readonly hasTpm?: true
  readonly drives: readonly DriveSpec[]
  readonly networkDevices: readonly NetworkDeviceSpec[]
  /** Absent: it is an ordinary machine. */
  readonly template?: TemplateSpec
  /** As AcceleratorVerdict. */
  readonly emulation?: Emulation
}
