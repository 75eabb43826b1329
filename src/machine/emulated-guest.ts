import type { ProcessHost } from '../host/process.ts'
import type { Architecture } from '../ec2/ports/accelerator.ts'
import { qemuBinaryOf } from './argv.ts'
import { readQemuVersion } from './qemu-version.ts'

/** The first major version that is known to translate a page of a guest's code once, wherever processes have it (10.0.13). */
const firstSharing = 10

/**
 * Kernel settings for guests whose processors QEMU emulates, as lines of sysctl.d(5). QEMU 7.2.22 and 8.2 know translated code by the address that a
 * process has it at: each program that Linux starts at an address of its own is translated anew (docs/adr/an-emulated-guest-has-fixed-addresses.md).
 */
export async function settingsForEmulation(
  processes: ProcessHost,
  architecture: Architecture,
): Promise<readonly string[]> {
  const [major = 0] = (await readQemuVersion(processes, qemuBinaryOf(architecture))) ?? []
  return major < firstSharing ? ['kernel.randomize_va_space=0'] : []
}
