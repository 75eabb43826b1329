import { mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProcessHost } from '../../host/process.ts'

const grubDirectory = '/usr/lib/grub/i386-pc'
const sectorBytes = 512
const bytesPerMib = 1024 * 1024
const partitionStartBytes = bytesPerMib
const toolTimeoutMs = 120_000

/** mke2fs makes a small file system in small blocks, which would stay small when the disk is large. */
const grownLater = ['-b', '4096', '-i', '16384'] as const

/** GRUB's first configuration, built into its core: where the real one is. */
export const earlyGrubConfiguration = `set root=(hd0,msdos1)
set prefix=(hd0,msdos1)/boot/grub
configfile $prefix/grub.cfg
`

/** What GRUB's core needs to read its configuration from the disk and to boot Linux. */
export const grubModules = ['biosdisk', 'part_msdos', 'ext2', 'linux', 'normal', 'configfile'] as const

/**
 * The first word on the console: the firmware has done its part (src/ec2/instance/boot-watcher.ts). On a dumb terminal GRUB does not
 * clear the screen, which would be that of whoever reads the log.
 */
const sign = `serial --unit=0 --speed=115200
terminfo serial dumb
terminal_output serial
echo kiln: boot stage firmware
`
const signModules = ['serial', 'terminfo', 'terminal', 'echo'] as const

/**
 * Makes a bootable qcow2 (MBR, GRUB, one ext4 partition labelled `root`) from a directory tree with boot/vmlinuz and
 * boot/initrd.gz, with no root, loop device or mount. Everything in the tree belongs to root on the disk.
 */
export async function makeBiosDisk(
  processes: ProcessHost,
  request: { root: string; workDirectory: string; diskMib: number; kernelArguments: string; isRoot: boolean },
  signal: AbortSignal,
): Promise<string> {
  const { root, workDirectory } = request
  const run = (argv: readonly [string, ...string[]]) => processes.run({ argv, timeoutMs: toolTimeoutMs, signal })
  await mkdir(join(root, 'boot/grub'), { recursive: true })
  await writeFile(
    join(root, 'boot/grub/grub.cfg'),
    `linux /boot/vmlinuz ${request.kernelArguments}\ninitrd /boot/initrd.gz\nboot\n`,
  )
  const early = join(workDirectory, 'early.cfg')
  const core = join(workDirectory, 'core.img')
  const raw = join(workDirectory, 'disk.raw')
  await writeFile(early, sign + earlyGrubConfiguration)
  await run([
    'grub-mkimage',
    '-O',
    'i386-pc',
    '-o',
    core,
    '-p',
    '(hd0,msdos1)/boot/grub',
    '-c',
    early,
    ...grubModules,
    ...signModules,
  ])
  await makePartitionedDisk(processes, { raw, diskMib: request.diskMib }, signal)
  // In a namespace of one's own every file of the tree belongs to root, and so it does on the disk.
  const asRoot = request.isRoot ? [] : ['unshare', '--user', '--map-root-user']
  const makeFileSystem = fileSystemCommand({
    root,
    raw,
    diskMib: request.diskMib,
    options: ['-L', 'root', ...grownLater],
  })
  const [program, ...rest] = [...asRoot, ...makeFileSystem]
  await run([program ?? '', ...rest])
  await installGrub(raw, { bootImage: join(grubDirectory, 'boot.img'), coreImage: core })
  const disk = join(workDirectory, 'disk.qcow2')
  await run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', '-c', '-o', 'compat=1.1', raw, disk])
  return disk
}

/** Makes a sparse raw disk with one bootable Linux partition that begins at 1 MiB. */
export async function makePartitionedDisk(
  processes: ProcessHost,
  { raw, diskMib }: { raw: string; diskMib: number },
  signal: AbortSignal,
): Promise<void> {
  await writeFile(raw, '', { mode: 0o600 })
  await truncate(raw, diskMib * bytesPerMib)
  await processes.run({
    argv: ['/usr/sbin/sfdisk', '-q', raw],
    input: 'start=2048,type=83,bootable\n',
    timeoutMs: toolTimeoutMs,
    signal,
  })
}

/** The command that fills the partition of such a disk with an ext4 file system of a directory tree, owners and attributes kept. */
export function fileSystemCommand(request: {
  root: string
  raw: string
  diskMib: number
  /** Further arguments of mke2fs: label, UUID. */
  options: readonly string[]
}): [string, ...string[]] {
  return [
    ...(['/usr/sbin/mke2fs', '-q', '-t', 'ext4', '-d', request.root] as const),
    ...['-E', `offset=${partitionStartBytes},root_owner=0:0`],
    ...request.options,
    request.raw,
    `${request.diskMib - 1}M`,
  ]
}

/** Puts GRUB's boot code into the disk's first sector and its core into the gap before the partition. */
export async function installGrub(raw: string, grub: { bootImage: string; coreImage: string }): Promise<void> {
  // The partition table begins at byte 440.
  const boot = (await readFile(grub.bootImage)).subarray(0, 440)
  const core = await readFile(grub.coreImage)
  if (core.length > partitionStartBytes - sectorBytes)
    throw new Error('the GRUB core does not fit before the partition')
  const file = await open(raw, 'r+')
  try {
    await file.write(boot, 0, boot.length, 0)
    // The boot code looks for the core in sector 1; the core's own block list starts at sector 1 + 1.
    await file.write(core, 0, core.length, sectorBytes)
  } finally {
    await file.close()
  }
}
