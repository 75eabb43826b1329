import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProcessHost } from '../../host/process.ts'
import { earlyGrubConfiguration, grubModules, installGrub } from './bios-boot.ts'
import { compressedQcow2 } from '../qemu-img.ts'
import { type BuildArchitecture, buildArchitectures } from './build-architecture.ts'
import { type DiskLayout, fileSystemCommand, makePartitionedDisk } from './disk-layout.ts'
import { installEfiBoot } from './efi-boot.ts'
import { grubEntry } from './grub-entry.ts'
import type { NanoRecipe } from './recipe.ts'

const biosGrubDirectory = '/usr/lib/grub/i386-pc'
const toolTimeoutMs = 120_000
/** All of GRUB for UEFI takes half of it. */
const efiMib = 8

/** mke2fs makes a small file system in small blocks, which would stay small when the disk is large. */
const grownLater = ['-b', '4096', '-i', '16384'] as const

/** The first word on the console: the firmware has done its part (src/ec2/instance/boot-watcher.ts). */
const sign = 'echo kiln: boot stage firmware\n'
/** On a dumb terminal GRUB does not clear the screen, which would be that of whoever reads the log. */
const dumbTerminal = `serial --unit=0 --speed=115200
terminfo serial dumb
terminal_output serial
`
const signModules = ['serial', 'terminfo', 'terminal', 'echo'] as const

/**
 * A server to try things with has no secrets to keep from its own processes, so what only costs time is off (under TCG a tenth of the
 * boot).
 */
function kernelArguments({ serialConsole, hasBios }: BuildArchitecture): string {
  return [
    ...['root=/dev/vda1', 'rw', `console=${serialConsole}`, 'quiet', 'panic=1', 'net.ifnames=0', 'audit=0'],
    ...['random.trust_cpu=on', 'cryptomgr.notests', 'rcupdate.rcu_expedited=1', 'mitigations=off', 'nokaslr'],
    // Devices are plugged by ACPI on q35 (QEMU 6.1 and later): the drivers of PCIe ports would find nothing to do in each of the ports.
    // On virt they do the plugging.
    ...(hasBios ? ['8250.nr_uarts=1', 'no_timer_check', 'tsc=reliable', 'pcie_ports=compat'] : []),
    // With one processor an x86 kernel would patch the locks out of all its code, which QEMU then translates anew.
    ...(hasBios ? ['noreplace-smp'] : []),
  ].join(' ')
}

/**
 * Makes a bootable qcow2 with one ext4 file system from a directory tree with boot/vmlinuz and boot/initrd.gz, with no root, loop device
 * or mount: for a BIOS and for UEFI, where the architecture has it. Everything in the tree belongs to root on the disk.
 */
export async function makeNanoDisk(
  processes: ProcessHost,
  request: {
    recipe: NanoRecipe
    root: string
    /** Directory with the files of the recipe's packages. */
    unpacked: string
    workDirectory: string
    volumeId: string
    isRoot: boolean
  },
  signal: AbortSignal,
): Promise<string> {
  const { recipe, root, workDirectory } = request
  const architecture = buildArchitectures[recipe.architecture]
  const { efi } = architecture
  const layout: DiskLayout = { diskMib: recipe.diskMib, efiMib: efi ? efiMib : 0 }
  const run = (argv: readonly [string, ...string[]]) => processes.run({ argv, timeoutMs: toolTimeoutMs, signal })
  await mkdir(join(root, 'boot/grub'), { recursive: true })
  await writeFile(
    join(root, 'boot/grub/grub.cfg'),
    grubEntry({
      kernel: '/boot/vmlinuz',
      kernelArguments: kernelArguments(architecture),
      initrd: '/boot/initrd.gz',
    }),
  )
  const raw = join(workDirectory, 'disk.raw')
  await makePartitionedDisk(processes, { raw, layout }, signal)
  // In a namespace of one's own every file of the tree belongs to root, and so it does on the disk.
  const asRoot = request.isRoot ? [] : ['unshare', '--user', '--map-root-user']
  const makeFileSystem = fileSystemCommand({ root, raw, layout, options: ['-L', 'root', ...grownLater] })
  const [program, ...rest] = [...asRoot, ...makeFileSystem]
  await run([program ?? '', ...rest])
  if (architecture.hasBios) await installBiosBoot(run, { raw, workDirectory })
  if (efi) {
    const { volumeId } = request
    const grubImage = join(request.unpacked, efi.grub)
    await installEfiBoot(processes, { raw, layout, efi, grubImage, greeting: sign, workDirectory, volumeId }, signal)
  }
  const disk = join(workDirectory, 'disk.qcow2')
  const options = ['-f', 'raw', '-O', 'qcow2', '-o', 'compat=1.1', ...compressedQcow2]
  await run(['qemu-img', 'convert', ...options, raw, disk])
  return disk
}

async function installBiosBoot(
  run: (argv: readonly [string, ...string[]]) => Promise<unknown>,
  { raw, workDirectory }: { raw: string; workDirectory: string },
): Promise<void> {
  const early = join(workDirectory, 'early.cfg')
  const coreImage = join(workDirectory, 'core.img')
  await writeFile(early, dumbTerminal + sign + earlyGrubConfiguration)
  await run([
    ...(['grub-mkimage', '-O', 'i386-pc', '-o', coreImage, '-p', '(hd0,msdos1)/boot/grub', '-c', early] as const),
    ...grubModules,
    ...signModules,
  ])
  await installGrub(raw, { bootImage: join(biosGrubDirectory, 'boot.img'), coreImage })
}
