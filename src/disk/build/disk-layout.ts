import { truncate, writeFile } from 'node:fs/promises'
import type { ProcessHost } from '../../host/process.ts'

/**
 * A disk with an MBR, which a BIOS and UEFI boot alike: GRUB's core in the gap before the first partition, then the EFI system partition,
 * which is number 2, then the root partition, which is number 1 and grows with the disk.
 */
export interface DiskLayout {
  readonly diskMib: number
  /** Size of the EFI system partition; 0: there is none. */
  readonly efiMib: number
}

const sectorsPerMib = 2048
const bytesPerMib = 1024 * 1024
const toolTimeoutMs = 120_000

/** Where the first partition begins; GRUB's core for a BIOS lies before. */
export const gapBytes = bytesPerMib

/** Makes a sparse raw disk with an empty bootable Linux partition, and one for EFI where the layout has it. */
export async function makePartitionedDisk(
  processes: ProcessHost,
  { raw, layout }: { raw: string; layout: DiskLayout },
  signal: AbortSignal,
): Promise<void> {
  await writeFile(raw, '', { mode: 0o600 })
  await truncate(raw, layout.diskMib * bytesPerMib)
  const efi = `2: start=${sectorsPerMib},size=${layout.efiMib * sectorsPerMib},type=ef\n`
  await processes.run({
    argv: ['/usr/sbin/sfdisk', '-q', raw],
    input: `label: dos\n1: start=${rootStartMib(layout) * sectorsPerMib},type=83,bootable\n${layout.efiMib > 0 ? efi : ''}`,
    timeoutMs: toolTimeoutMs,
    signal,
  })
}

/** The command that fills the root partition of such a disk with an ext4 file system of a directory tree, owners and attributes kept. */
export function fileSystemCommand(request: {
  root: string
  raw: string
  layout: DiskLayout
  /** Further arguments of mke2fs: label, UUID. */
  options: readonly string[]
}): [string, ...string[]] {
  const startMib = rootStartMib(request.layout)
  return [
    ...(['/usr/sbin/mke2fs', '-q', '-t', 'ext4', '-d', request.root] as const),
    ...['-E', `offset=${startMib * bytesPerMib},root_owner=0:0`],
    ...request.options,
    request.raw,
    `${request.layout.diskMib - startMib}M`,
  ]
}

function rootStartMib({ efiMib }: DiskLayout): number {
  return 1 + efiMib
}
