/**
 * What the domain asks of QEMU. The words are QEMU's: a machine has drives and network devices, and knows nothing of
 * accounts, images or security groups. Implemented by src/machine/.
 */

import type { DeviceTraffic, ProcessMemory } from '../../host/process-usage.ts'
import type { DriveLimits, DriveSpec, MachineSpec, NetworkDeviceSpec, UefiVariable } from './machine-spec.ts'
import type { Resumption, SavedState, StateFile } from './machine-state.ts'

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

/** The public keys by which a TPM is known, as TPMT_PUBLIC in base64. */
export type EndorsementKeys = Readonly<Record<'rsa-2048' | 'ecc-sec-p384', string>>

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
  /** Plugs a drive into its port while the machine runs; the guest sees it at once. */
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
  /** Plugs a network device into its port while the machine runs; its tap must be there. */
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
