import { copyFile, mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProcessHost } from '../../host/process.ts'

const grubDirectory = '/usr/lib/grub/i386-pc'
const partitionStartBytes = 1024 * 1024
const toolTimeoutMs = 120_000

/** GRUB's first configuration, built into its core: where the real one is. */
const earlyConfiguration = `set root=(hd0,msdos1)
set prefix=(hd0,msdos1)/boot/grub
configfile $prefix/grub.cfg
`

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
  const run = (argv: readonly [string, ...string[]], input?: string) =>
    processes.run({ argv, timeoutMs: toolTimeoutMs, signal, ...(input === undefined ? {} : { input }) })
  await mkdir(join(root, 'boot/grub'), { recursive: true })
  await writeFile(
    join(root, 'boot/grub/grub.cfg'),
    `linux /boot/vmlinuz ${request.kernelArguments}\ninitrd /boot/initrd.gz\nboot\n`,
  )
  const early = join(workDirectory, 'early.cfg')
  const core = join(workDirectory, 'core.img')
  const raw = join(workDirectory, 'disk.raw')
  const disk = join(workDirectory, 'disk.qcow2')
  await writeFile(early, earlyConfiguration)
  const modules = ['biosdisk', 'part_msdos', 'ext2', 'linux', 'normal', 'configfile']
  await run(['grub-mkimage', '-O', 'i386-pc', '-o', core, '-p', '(hd0,msdos1)/boot/grub', '-c', early, ...modules])
  await copyFile('/dev/null', raw)
  await truncate(raw, request.diskMib * 1024 * 1024)
  await run(['/usr/sbin/sfdisk', '-q', raw], 'start=2048,type=83,bootable\n')
  // In a namespace of one's own every file of the tree belongs to root, and so it does on the disk.
  const asRoot = request.isRoot ? [] : ['unshare', '--user', '--map-root-user']
  const fileSystem = [
    '-q',
    '-t',
    'ext4',
    '-d',
    root,
    '-E',
    `offset=${partitionStartBytes},root_owner=0:0`,
    '-L',
    'root',
  ]
  const [program, ...rest] = [...asRoot, '/usr/sbin/mke2fs', ...fileSystem, raw, `${request.diskMib - 1}M`]
  await run([program ?? '/usr/sbin/mke2fs', ...rest])
  const boot = (await readFile(join(grubDirectory, 'boot.img'))).subarray(0, 440)
  const file = await open(raw, 'r+')
  try {
    await file.write(boot, 0, boot.length, 0)
    // The core's own block list starts at sector 1 + 1.
    const coreBytes = await readFile(core)
    if (coreBytes.length > partitionStartBytes - 512) throw new Error('the GRUB core does not fit before the partition')
    await file.write(coreBytes, 0, coreBytes.length, 512)
  } finally {
    await file.close()
  }
  await run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', '-c', '-o', 'compat=1.1', raw, disk])
  return disk
}
