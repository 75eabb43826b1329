import { writeFile } from 'node:fs/promises'

/**
 * The bytes of a disk whose boot sector halts the processor: a machine that costs nothing. A boot sector of zeros would be run, round and
 * round, by a whole processor.
 */
export function makeIdleDisk(sizeBytes = 1024 * 1024): Buffer {
  const disk = Buffer.alloc(sizeBytes)
  // cli; hlt; jmp back to hlt
  Buffer.from([0xfa, 0xf4, 0xeb, 0xfd]).copy(disk)
  disk.writeUInt16LE(0xaa55, 510)
  return disk
}

/** Writes one that a daemon of any user may import. */
export async function writeIdleDisk(path: string): Promise<void> {
  await writeFile(path, makeIdleDisk(), { mode: 0o644 })
}
