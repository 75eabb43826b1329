import type { Architecture } from '../../ec2/ports/accelerator.ts'

/** What making a disk takes of an architecture. */
export interface BuildArchitecture {
  /** dpkg's name of it. */
  readonly dpkg: 'amd64' | 'i386' | 'arm64'
  /** Debian's name of its directory of libraries. */
  readonly multiarch: string
  /** The first serial port, as Linux names it. */
  readonly serialConsole: 'ttyS0' | 'ttyAMA0'
  /** Whether its machines may boot by a BIOS. */
  readonly hasBios: boolean
  /** How its UEFI firmware boots a disk; absent: its machines have a BIOS only. */
  readonly efi?: EfiBoot
}

/** GRUB for UEFI. */
export interface EfiBoot {
  /** The image that Debian makes of all of GRUB, in the package grub-efi-…-bin: its configuration is /EFI/debian/grub.cfg. */
  readonly grub: string
  /** What firmware looks for on a disk that it does not know (UEFI specification, 3.5.1.1). */
  readonly fileName: string
}

export const buildArchitectures: Readonly<Record<Architecture, BuildArchitecture>> = {
  x86_64: {
    dpkg: 'amd64',
    multiarch: 'x86_64-linux-gnu',
    serialConsole: 'ttyS0',
    hasBios: true,
    efi: { grub: 'usr/lib/grub/x86_64-efi/monolithic/grubx64.efi', fileName: 'BOOTX64.EFI' },
  },
  // EC2's 32-bit types have a BIOS only.
  i386: { dpkg: 'i386', multiarch: 'i386-linux-gnu', serialConsole: 'ttyS0', hasBios: true },
  arm64: {
    dpkg: 'arm64',
    multiarch: 'aarch64-linux-gnu',
    serialConsole: 'ttyAMA0',
    hasBios: false,
    efi: { grub: 'usr/lib/grub/arm64-efi/monolithic/grubaa64.efi', fileName: 'BOOTAA64.EFI' },
  },
}
