import { open, readFile } from 'node:fs/promises'
import { gapBytes } from './disk-layout.ts'
import { grubEntryModules } from './grub-entry.ts'

const sectorBytes = 512

/** GRUB's first configuration, built into its core: where the real one is. */
export const earlyGrubConfiguration = `set root=(hd0,msdos1)
set prefix=(hd0,msdos1)/boot/grub
configfile $prefix/grub.cfg
`

/** What GRUB's core needs to read its configuration from the disk and to boot Linux. */
export const grubModules = ['biosdisk', 'part_msdos', 'ext2', 'normal', 'configfile', ...grubEntryModules] as const

/** Puts GRUB's boot code into the disk's first sector and its core into the gap before the first partition. */
export async function installGrub(raw: string, grub: { bootImage: string; coreImage: string }): Promise<void> {
  // The partition table begins at byte 440.
  const boot = (await readFile(grub.bootImage)).subarray(0, 440)
  const core = await readFile(grub.coreImage)
  if (core.length > gapBytes - sectorBytes) throw new Error('the GRUB core does not fit before the partition')
  const file = await open(raw, 'r+')
  try {
    await file.write(boot, 0, boot.length, 0)
    // The boot code looks for the core in sector 1; the core's own block list starts at sector 1 + 1.
    await file.write(core, 0, core.length, sectorBytes)
  } finally {
    await file.close()
  }
}
