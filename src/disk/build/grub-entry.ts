/** Modules that the commands of `grubEntry` are in where there is a BIOS. */
export const grubEntryModules = ['linux', 'linux16', 'test'] as const

/**
 * The part of grub.cfg that boots a kernel. GRUB's usual command puts the kernel's whole 50 MiB somewhere and moves them, a byte at a time,
 * to where the kernel prefers to be: from 1 MiB to 16 MiB, two addresses that share their place in TCG's direct-mapped TLB, so that each
 * byte misses it. By the 16-bit protocol, which needs a BIOS, a kernel stays where it was read to (GRUB 2.06,
 * grub-core/loader/i386).
 */
export function grubEntry({
  kernel,
  kernelArguments,
  initrd,
}: {
  kernel: string
  kernelArguments: string
  initrd: string
}): string {
  return `if [ "$grub_platform" = pc ]; then set bits=16; fi
linux$bits ${kernel} ${kernelArguments}
initrd$bits ${initrd}
boot
`
}
