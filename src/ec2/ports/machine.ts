/**
 * What the domain asks of QEMU. The words are QEMU's: a machine has drives and network devices, and knows nothing of
 * accounts, images or security groups. Implemented by src/machine/.
 */

import type { DeviceTraffic, ProcessMemory } from '../../host/process-usage.ts'

export type Architecture = 'x86_64' | 'i386' | 'arm64'
export type Accelerator = 'kvm' | 'tcg'

/** Root ports of every machine for its drives and for its network devices. */
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
  /** The pcie-root-port it sits in, from 0; drives and network devices number their ports apart. */
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

/** A drive of a live machine, as QEMU has it. */
export interface PluggedDrive {
  readonly id: string
  /** The file that the guest writes to now; absent when the drive was emptied: the guest has not given it up yet. */
  readonly path?: string
  /** How many files that stands on. */
  readonly chainLength?: number
}

/** A drive whose present file is to be frozen: the guest goes on in `overlayPath`, an empty qcow2 over it of the same size. */
export interface DriveFreeze {
  readonly id: string
  readonly overlayPath: string
  /** The key of an encrypted drive, which the overlay has too. */
  readonly keyId?: string
}

/** The file that a drive's present one stands on, with the keys of both where they are encrypted; the machine has the keys. */
export interface DriveRenewal {
  readonly id: string
  readonly keyId?: string
  readonly backingPath: string
  readonly backingKeyId?: string
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

/** The public keys by which a TPM is known, as TPMT_PUBLIC in base64. */
export type EndorsementKeys = Readonly<Record<'rsa-2048' | 'ecc-sec-p384', string>>

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
  /** As AcceleratorVerdict; absent: the guest is told none. */
  readonly guestSettings?: readonly string[]
  /** Direct boot, past the firmware's boot loader. */
  readonly kernel?: { readonly path: string; readonly initrdPath?: string; readonly commandLine: string }
}

/** Where a machine's memory and devices are kept while it does not run. */
export interface StateFile {
  readonly path: string
  /** 32 bytes; absent: it is not encrypted. */
  readonly key?: Buffer
}

/** What a state file was when it was saved: another one is not loaded. */
export interface SavedState {
  readonly sizeBytes: number
  /** Of the file, hexadecimal. */
  readonly sha256: string
  /** Of an encrypted one (AES-256-GCM), hexadecimal. */
  readonly nonce?: string
  readonly authenticationTag?: string
}

/** A machine that is to go on where an earlier one of the same shape stood still. */
export interface Resumption {
  readonly file: StateFile
  readonly saved: SavedState
  /** Everything is loaded and nothing runs yet: the last moment to see to it that it never is a second time. */
  readonly onLoaded?: () => Promise<void>
  /** It is left as it is then, paused, until `resume`. */
  readonly isHeld?: boolean
}

/** A machine could not go on where an earlier one stood still; nothing of it has run. */
export class StateNotLoaded extends Error {
  override readonly name = 'StateNotLoaded'
}

/** Why a machine's process ended, or what happened to it while it lives. */
export type MachineEvent =
  | { readonly kind: 'guest-shutdown' }
  /** The guest rebooted by itself: the machine goes on from its firmware. */
  | { readonly kind: 'guest-reset' }
  | {
      readonly kind: 'paused-by-io-error'
      readonly driveId: string
      readonly reason: string
      readonly isNoSpace: boolean
    }
  | { readonly kind: 'resumed' }
  | { readonly kind: 'guest-panicked' }
  /** The guest has given up a device that was unplugged. */
  | { readonly kind: 'device-removed'; readonly deviceId: string }
  /** Always the last event. `isClean`: QEMU ended by itself (guest power-off or quit), not by a crash or a signal. */
  | { readonly kind: 'ended'; readonly isClean: boolean; readonly reason: string }

export type MachineRunState = 'running' | 'paused' | 'io-error' | 'unresponsive'

/** Bytes that a machine's drives have moved since it was started; what of them is plugged out is no longer counted. */
export interface DriveTraffic {
  readonly read: number
  readonly written: number
}

/** What a machine takes of its host. What grows is counted from its start. */
export interface MachineUsage {
  readonly processorSeconds: number
  /** Absent where it was not asked for. */
  readonly memory?: ProcessMemory
  /** Absent when QEMU does not answer. */
  readonly drives?: DriveTraffic
  /** By tap, those of other machines in the same namespace too: `sent` is what a guest has received. */
  readonly taps: ReadonlyMap<string, DeviceTraffic>
}

/** What a clone's guest is told, in the words of docs/guides/fast-launch-images.md; each is asked for at the moment that it is said. */
export interface IdentityWords {
  identity(): string
  time(): string
}

/** A live machine: started by this daemon or adopted from an earlier one. */
export interface Machine {
  readonly name: string
  readonly pid: number
  /** When QEMU was executed; absent when adopted. */
  readonly executedAt?: Date
  /** Asks the guest to power off (ACPI button). */
  powerDown(): Promise<void>
  /** Hard reset. */
  reset(): Promise<void>
  /** Ends QEMU at once and resolves when its process is gone. Never fails for a machine already gone. */
  kill(): Promise<void>
  /** Goes on after an I/O error pause, or when it has stood still for another reason. */
  resume(): Promise<void>
  /**
   * Stops the processors and writes memory and devices into the file, durably. The machine stands still then and is to be ended by `quit`.
   * When it rejects the machine goes on as if nothing had been.
   */
  saveState(file: StateFile): Promise<SavedState>
  /**
   * Of a template's source: resolves with what its guest says when it is to be frozen (`booted 1`: its depth, and the version of what waits
   * there for an identity). Rejects when the signal is aborted or the machine ends.
   */
  waitForTemplate(signal: AbortSignal): Promise<string>
  /** The same without the memory, which is in the source's own file and is whole there as soon as the machine has ended by `quit`. */
  saveTemplate(path: string): Promise<SavedState>
  /**
   * Of a clone: tells its guest who it is, and the time as often as it asks. Resolves when the guest has taken it on; rejects when it says
   * that it cannot, and when the signal is aborted.
   */
  giveIdentity(words: IdentityWords, signal: AbortSignal): Promise<void>
  /** Ends QEMU by itself, its files closed as they should be, and resolves when its process is gone. */
  quit(): Promise<void>
  /** Asks QEMU over QMP; `unresponsive` when it does not answer within two seconds. */
  queryState(): Promise<MachineRunState>
  /** What the machine takes of its host; undefined when it has ended. Memory is the dear part: it is read where it is asked for. */
  measure(options: { readonly hasMemory: boolean }): Promise<MachineUsage | undefined>
  /** The screen as a PPM (P6) image. */
  screenDump(): Promise<Buffer>
  injectNmi(): Promise<void>
  listDrives(): Promise<PluggedDrive[]>
  /** Plugs a drive into its root port while the machine runs; the guest sees it at once. */
  plugDrive(drive: DriveSpec): Promise<void>
  /**
   * Asks the guest to give a drive up; `device-removed` tells of it, then `closeDrive` is due. A guest that is not there yet is asked
   * again by calling again.
   */
  unplugDrive(id: string): Promise<void>
  /** Takes the file away from a drive that the guest does not give up: what it still writes is lost. Then `closeDrive` is due. */
  emptyDrive(id: string): Promise<void>
  /** Lets go of the files of a drive whose device is gone or empty. */
  closeDrive(id: string): Promise<void>
  /** Makes the disk larger; the guest sees its new size at once. */
  growDrive(id: string, sizeBytes: number): Promise<void>
  /** Holds a drive to other limits, from its next operation on. */
  limitDrive(id: string, limits: DriveLimits): Promise<void>
  /** Has QEMU forget all keys but those. */
  keepKeys(keyIds: readonly string[]): Promise<void>
  /**
   * Freezes drives at one instant, with the guest's file systems frozen around it where a guest agent answers. What has been frozen
   * already is left as it is, so it may be called again. When it rejects with DriveNotFrozen no drive was; else it is not known.
   */
  freezeDrives(freezes: readonly DriveFreeze[]): Promise<void>
  /**
   * Opens the file that a drive's present one stands on anew, and lets go of what stood there before: for a file that was replaced by one of
   * the same content with a shorter chain. The guest goes on.
   */
  renewBacking(renewal: DriveRenewal): Promise<void>
  /** The network devices that the guest has, with their MACs in lower case. */
  listNetworkDevices(): Promise<readonly { readonly id: string; readonly mac: string }[]>
  /** Plugs a network device into its root port while the machine runs; its tap must be there. */
  plugNetworkDevice(device: NetworkDeviceSpec): Promise<void>
  /** Asks the guest to give a network device up; `device-removed` tells of it, then `closeNetworkDevice` is due. */
  unplugNetworkDevice(id: string): Promise<void>
  /** Lets go of the tap of a network device; one that the guest still has carries nothing any more. */
  closeNetworkDevice(id: string): Promise<void>
  /** Has a guest agent set the guest's clock; answers whether one did. */
  setGuestClock(): Promise<boolean>
  /** Whether a guest agent answers guest-ping within `timeoutMs`. */
  pingGuestAgent(timeoutMs: number): Promise<boolean>
}

/** QEMU refused to freeze drives: all are as they were. */
export class DriveNotFrozen extends Error {
  override readonly name = 'DriveNotFrozen'
}

/** A machine whose directory is ready: nothing stands between it and QEMU. */
export interface PreparedMachine {
  /**
   * Executes QEMU behind `commandPrefix` (which enters a namespace) and resolves when QMP answers and the processors run.
   * Writes the process identity into the machine's directory before it resolves; a process left by a crash in between is found by
   * `adopt`. Rejects with an Error that says what QEMU printed; nothing is left running then. With a `resumption` the machine goes on where
   * an earlier one stood still; rejects with StateNotLoaded when it cannot.
   */
  start(
    commandPrefix: readonly string[],
    onEvent: (event: MachineEvent) => void,
    resumption?: Resumption,
  ): Promise<Machine>
}

/** Starts machines and takes over those that an earlier daemon started. */
export interface MachineHost {
  /** Makes the machine's directory, or clears it of what an earlier run left, and writes the spec into it. */
  prepare(spec: MachineSpec): Promise<PreparedMachine>
  /**
   * Takes over the machine of a directory. `onEvent` is called as for `start`. When its process is gone, says how it ended:
   * `isClean` true when QEMU removed its pid file (guest power-off), `isHostRebooted` when it ran under an earlier boot.
   */
  adopt(
    directory: string,
    onEvent: (event: MachineEvent) => void,
  ): Promise<Machine | { readonly kind: 'gone'; readonly isClean: boolean; readonly isHostRebooted: boolean }>
  /** What must be the same of two machines so that one can go on where the other stood still, as a text that says nothing else. */
  shapeOf(spec: MachineSpec): Promise<string>
  /** The same of a template's source and a clone, whose guest is given its names anew: those of its devices may differ. */
  templateShapeOf(spec: MachineSpec): Promise<string>
  /** Whether the last machine of a directory, gone now, did not end by itself: it was killed, or its host went down. */
  hasEndedUncleanly(directory: string): Promise<boolean>
  /** What the firmware of a directory's machine keeps; undefined when it was never started, or by a BIOS only. */
  readUefiVariables(directory: string): Promise<readonly UefiVariable[] | undefined>
  /** Undefined when the machine of that directory was never started with a TPM. */
  readEndorsementKeys(directory: string): Promise<EndorsementKeys | undefined>
  /** Ends every QEMU of this state directory whose machine is not in `names`, and every TPM whose QEMU is not there: what a crash left half-started. */
  removeStrays(machinesDirectory: string, names: ReadonlySet<string>): Promise<string[]>
}

/** What the host can run machines with. */
export interface AcceleratorVerdict {
  readonly accelerator: Accelerator
  /** Whether a guest kernel was really run with it in this boot of the host. */
  readonly isProven: boolean
  /** Why this one, in a sentence for logs, `kiln doctor` and `kiln describe`. */
  readonly reason: string
  /** Kernel settings that make guests quicker with it, as lines of sysctl.d(5): systemd 252 and later apply them as they boot. */
  readonly guestSettings?: readonly string[]
}
