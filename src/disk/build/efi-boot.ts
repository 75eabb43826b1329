import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProcessHost } from '../../host/process.ts'
import type { EfiBoot } from './build-architecture.ts'
import { type DiskLayout, gapBytes } from './disk-layout.ts'

const sectorsPerMib = 2048
const toolTimeoutMs = 120_000

/**
 * What Debian's GRUB for UEFI reads on the partition that it was started from: it goes on with the configuration on the first partition of
 * that very disk, whatever other disks there are.
 */
export function efiGrubConfiguration(greeting: string): string {
  return `${greeting}regexp --set=1:disk '^\\(([^,)]+)' "$cmdpath"
set root="$disk,msdos1"
set prefix=($root)/boot/grub
configfile $prefix/grub.cfg
`
}

/** Makes the FAT file system of the disk's EFI system partition: GRUB where any firmware looks for it, and its configuration. */
export async function installEfiBoot(
  processes: ProcessHost,
  request: {
    raw: string
    layout: DiskLayout
    efi: EfiBoot
    /** GRUB's image. */
    grubImage: string
    greeting: string
    workDirectory: string
    /** Of the file system: eight hexadecimal digits. */
    volumeId: string
  },
  signal: AbortSignal,
): Promise<void> {
  const { workDirectory, efi } = request
  const image = join(workDirectory, 'efi.img')
  const configuration = join(workDirectory, 'efi-grub.cfg')
  await writeFile(configuration, efiGrubConfiguration(request.greeting))
  // mtools would look for settings in the home directory and complain of geometries that no disk has had for decades.
  const environment = { MTOOLSRC: '/dev/null', MTOOLS_SKIP_CHECK: '1' }
  const run = (argv: readonly [string, ...string[]]) =>
    processes.run({ argv, environment, timeoutMs: toolTimeoutMs, signal })
  const sectors = request.layout.efiMib * sectorsPerMib
  await run([
    ...(['mformat', '-C', '-i', image, '-T', String(sectors), '-h', '16', '-s', '63'] as const),
    ...['-H', String(sectorsPerMib), '-N', request.volumeId, '-v', 'EFI', '::'],
  ])
  await run(['mmd', '-i', image, '::/EFI', '::/EFI/BOOT', '::/EFI/debian'])
  await run(['mcopy', '-i', image, request.grubImage, `::/EFI/BOOT/${efi.fileName}`])
  await run(['mcopy', '-i', image, configuration, '::/EFI/debian/grub.cfg'])
  const content = await readFile(image)
  const file = await open(request.raw, 'r+')
  try {
    await file.write(content, 0, content.length, gapBytes)
  } finally {
    await file.close()
  }
}
