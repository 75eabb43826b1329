/** What machines run on. */

export type Architecture = 'x86_64' | 'i386' | 'arm64'
export type Accelerator = 'kvm' | 'tcg'

/** What the host can run machines with. */
export interface AcceleratorVerdict {
  readonly accelerator: Accelerator
  /** Whether a guest kernel was really run with it in this boot of the host. */
  readonly isProven: boolean
  /** Why this one, in a sentence for logs, `kiln doctor` and `kiln describe`. */
  readonly reason: string
  /** Of machines whose processors are emulated. */
  readonly emulation?: Emulation
}

/** How processors are emulated well by the QEMU that is there. */
export interface Emulation {
  /** As in QEMU's option `-accel tcg,thread=`: whether each processor of a machine has a thread of its own. */
  readonly thread: 'single' | 'multi'
  /** Kernel settings that make guests quicker, as lines of sysctl.d(5): systemd 252 and later apply them as they boot. */
  readonly guestSettings: readonly string[]
}
