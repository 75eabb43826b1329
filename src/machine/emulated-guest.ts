import type { Architecture, Emulation } from '../ec2/ports/accelerator.ts'
import type { ProcessHost } from '../host/process.ts'
import { qemuBinaryOf } from './argv.ts'
import { readQemuVersion } from './qemu-version.ts'

/** The first major version that is known to translate a page of a guest's code once, wherever processes have it (10.0.13). */
const firstSharing = 10

/**
 * Until 8.2, of which tcg_commit changes a processor's map of the memory on its own thread, a guest's drivers that start side by side end
 * QEMU: one enables a device, and with that changes the map, while the other processor writes to its own device by the map before. QEMU
 * 7.2.22 was seen to fail so in memory_region_dispatch_write (a null region), and in msix_table_mmio_write (an assertion) once in a run of all
 * tests. KVM is not concerned.
 */
const isMapShared = ([major = 0, minor = 0]: readonly number[]) => major < 8 || (major === 8 && minor < 2)

/**
 * What is good for guests whose processors the QEMU of an architecture emulates. QEMU 7.2.22 and 8.2 know translated code by the address that a
 * process has it at: each program that Linux starts at an address of its own is translated anew (docs/adr/an-emulated-guest-has-fixed-addresses.md).
 */
export async function chooseEmulation(processes: ProcessHost, architecture: Architecture): Promise<Emulation> {
  const version = (await readQemuVersion(processes, qemuBinaryOf(architecture))) ?? []
  const [major = 0] = version
  return {
    thread: isMapShared(version) ? 'single' : 'multi',
    guestSettings: major < firstSharing ? ['kernel.randomize_va_space=0'] : [],
  }
}
