import { chmod, copyFile, cp, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { ProcessHost } from '../../host/process.ts'
import { earlyGrubConfiguration, grubModules } from './bios-boot.ts'
import { grubEntry } from './grub-entry.ts'
import type { BuildArchitecture } from './build-architecture.ts'
import { enableForeignPrograms } from './foreign-programs.ts'
import { type DiskLayout, fileSystemCommand } from './disk-layout.ts'
import { openDirectories } from './open-directories.ts'

/** What the room is to make; crosses a process boundary as JSON. */
export interface DebianRootRequest {
  readonly suite: string
  readonly architecture: BuildArchitecture
  /** Whether the build is root outside of its namespaces too. */
  readonly isRoot: boolean
  readonly packages: readonly string[]
  /** Lines of sources.list for the build. */
  readonly buildSources: readonly string[]
  /** debian.sources of the finished system. */
  readonly guestSources: string
  /** Files of the finished system that are the same in every Debian image, as they lie in it. */
  readonly guestDirectories: readonly string[]
  /** Packages and package lists of earlier builds. */
  readonly cacheDirectory: string
  /** Existing directory; a file system in memory is mounted over it. */
  readonly room: string
  readonly roomMib: number
  /** Partitioned raw disk whose file system is to be made. */
  readonly raw: string
  readonly layout: DiskLayout
  readonly fileSystemUuid: string
  /** Of the EFI system partition; absent: there is none. */
  readonly efiVolumeId?: string
  /** Directory that GRUB's images and the kernel are copied to. */
  readonly output: string
}

/** Names in `output`. */
export const debianOutput = {
  bootImage: 'boot.img',
  coreImage: 'core.img',
  efiImage: 'grub.efi',
  kernel: 'vmlinuz',
} as const

/** Only ends what hangs: where programs are emulated on a busy host, installing takes an hour. */
const installTimeoutMs = 4 * 60 * 60_000
const toolTimeoutMs = 5 * 60_000
const archives = 'var/cache/apt/archives'
const lists = 'var/lib/apt/lists'
/** What of the guest's files goes into the initramfs, as /etc/fstab does, and so must be there when the kernel is installed. */
const initramfsSettings = 'etc/initramfs-tools'

/**
 * Installs a Debian into a file system in memory and from there onto the raw disk. Runs as root of a namespace of its own (build-room.ts):
 * when that ends, however it ends, every file that it made outside of `output` and the cache is gone.
 */
export async function makeDebianRoot(
  processes: ProcessHost,
  request: DebianRootRequest,
  report: { onStage: (stage: string) => void; onLine: (line: string) => void },
): Promise<void> {
  const { room } = request
  const root = join(room, 'root')
  const run = (argv: readonly [string, ...string[]], options: { environment?: Record<string, string> } = {}) =>
    processes.run({ argv, timeoutMs: toolTimeoutMs, onLine: report.onLine, ...options })
  await run(['mount', '-t', 'tmpfs', '-o', `size=${request.roomMib}m,mode=755`, 'kiln-build', room])
  const temporary = join(room, 'tmp')
  await mkdir(temporary)
  await chmod(temporary, 0o1777)

  await enableForeignPrograms(processes, { ...request, temporary })
  report.onStage('Installing packages')
  await prepareCache(request.cacheDirectory)
  const first = join(room, 'first')
  for (const directory of request.guestDirectories) await copyGuestFiles(directory, first, initramfsSettings)
  await writeFile(join(first, 'etc/fstab'), fileSystemTable(request))
  await chmod(join(first, 'etc/fstab'), 0o644)
  await openDirectories(first)
  await processes.run({
    argv: mmdebstrapCommand(request, { root, first }),
    environment: { TMPDIR: temporary },
    timeoutMs: installTimeoutMs,
    onLine: report.onLine,
  })
  await saveCache(root, request.cacheDirectory)

  report.onStage('Configuring')
  await removeTraces(root)
  for (const directory of request.guestDirectories) await copyGuestFiles(directory, root)
  await mkdir(join(root, 'etc/default/grub.d'), { recursive: true })
  await writeFile(join(root, 'etc/default/grub.d/10_cloud.cfg'), grubDefaults(request.architecture))
  await writeFile(join(root, 'etc/apt/sources.list.d/debian.sources'), request.guestSources)
  await run(['chroot', root, 'systemctl', 'enable', 'systemd-networkd.service'])
  await installGrubFiles(run, root, request)
  await copyFile(join(root, 'vmlinuz'), join(request.output, debianOutput.kernel))

  report.onStage('Making the disk')
  const makeFileSystem = fileSystemCommand({
    root,
    raw: request.raw,
    layout: request.layout,
    options: ['-L', 'root', '-U', request.fileSystemUuid],
  })
  // The features of the release's own mke2fs, not of the host's: its GRUB and its kernel must know them.
  await run(makeFileSystem, { environment: { MKE2FS_CONFIG: join(root, 'etc/mke2fs.conf') } })
}

/** mmdebstrap's arguments; already root in a namespace, it makes none of its own. `first`: the files that are there before any package. */
function mmdebstrapCommand(
  request: DebianRootRequest,
  { root, first }: { root: string; first: string },
): [string, ...string[]] {
  return [
    'mmdebstrap',
    '--verbose',
    '--mode=unshare',
    '--variant=minbase',
    `--architectures=${request.architecture.dpkg}`,
    `--include=${request.packages.join(',')}`,
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=Acquire::Retries "3"',
    // Debian has these translations of descriptions fetched; nobody reads them here.
    '--aptopt=Acquire::Languages "none"',
    // mmdebstrap's own way to bring packages in: nothing of it passes a shell.
    `--setup-hook=sync-in ${request.cacheDirectory} /`,
    `--setup-hook=sync-in ${first} /`,
    // Whether its programs run was seen to before.
    '--skip=check/qemu',
    '--skip=download/empty,essential/unlink,cleanup/apt/cache,cleanup/apt/lists',
    request.suite,
    root,
    ...request.buildSources,
  ]
}

/** The cache is laid out as it is copied into the new system: its directories become the system's, so they are open to all. */
async function prepareCache(cacheDirectory: string): Promise<void> {
  for (const directory of [archives, lists]) {
    let path = cacheDirectory
    await mkdir(join(cacheDirectory, directory), { recursive: true })
    await chmod(path, 0o755)
    for (const name of directory.split('/')) {
      path = join(path, name)
      await chmod(path, 0o755)
    }
  }
}

/** Keeps what apt has downloaded for the next build, and nothing older. */
async function saveCache(root: string, cacheDirectory: string): Promise<void> {
  for (const directory of [archives, lists]) {
    const source = join(root, directory)
    const target = join(cacheDirectory, directory)
    const fresh = (await readdir(source, { withFileTypes: true }))
      .filter((entry) => entry.isFile() && entry.name !== 'lock')
      .map(({ name }) => name)
    const kept = new Set(await readdir(target))
    for (const name of fresh) {
      if (directory === archives && kept.has(name)) continue
      const temporary = join(target, `.${name}.tmp`)
      await copyFile(join(source, name), temporary)
      await rename(temporary, join(target, name))
    }
    for (const name of kept) if (!fresh.includes(name)) await rm(join(target, name), { recursive: true })
  }
}

/** What installing leaves behind and a server must not share with others: keys, identities, logs, caches, the build's apt settings. */
async function removeTraces(root: string): Promise<void> {
  const emptied = [archives, lists, 'var/log/apt', 'tmp', 'run', 'var/tmp']
  for (const directory of emptied) {
    for (const name of await namesIn(join(root, directory)))
      await rm(join(root, directory, name), { recursive: true, force: true })
  }
  for (const path of [
    'etc/apt/apt.conf.d/99mmdebstrap',
    'etc/apt/sources.list',
    'var/cache/apt/pkgcache.bin',
    'var/cache/apt/srcpkgcache.bin',
    'var/cache/ldconfig/aux-cache',
    'var/log/alternatives.log',
    'var/log/bootstrap.log',
    'var/log/dpkg.log',
    'var/lib/dbus/machine-id',
  ]) {
    await rm(join(root, path), { force: true })
  }
  for (const name of await namesIn(join(root, 'etc/apt/sources.list.d')))
    await rm(join(root, 'etc/apt/sources.list.d', name))
  for (const name of await namesIn(join(root, 'etc/ssh')))
    if (name.startsWith('ssh_host_')) await rm(join(root, 'etc/ssh', name))
}

/** `under`: only what lies there. */
async function copyGuestFiles(guestDirectory: string, root: string, under = ''): Promise<void> {
  for (const entry of await readdir(guestDirectory, { recursive: true, withFileTypes: true })) {
    const source = join(entry.parentPath, entry.name)
    const path = relative(guestDirectory, source)
    if (!entry.isFile() || !path.startsWith(under)) continue
    const target = join(root, path)
    await mkdir(dirname(target), { recursive: true })
    await rm(target, { force: true })
    await cp(source, target)
    // Whatever the umask was when the sources were checked out.
    const isExecutable = ((await stat(source)).mode & 0o100) !== 0
    await chmod(target, isExecutable ? 0o755 : 0o644)
  }
}

function fileSystemTable({ fileSystemUuid, efiVolumeId }: DebianRootRequest): string {
  const root = `UUID=${fileSystemUuid} / ext4 discard,errors=remount-ro 0 1\n`
  // A slow host finds the partition after systemd has given up waiting for it: that must not end in its emergency shell.
  const efi = efiVolumeId && `UUID=${shortUuid(efiVolumeId)} /boot/efi vfat umask=0077,nofail 0 1\n`
  return `# <device> <mount point> <type> <options> <dump> <pass>\n${root}${efi ?? ''}`
}

/** Of a FAT file system, as Linux writes it: `1234-ABCD`. */
function shortUuid(volumeId: string): string {
  return `${volumeId.slice(0, 4)}-${volumeId.slice(4)}`.toUpperCase()
}

/**
 * Lays GRUB out as grub-install does, with a first grub.cfg for the links that Debian keeps to its newest kernel. `update-grub`
 * replaces it when a kernel is installed in the server.
 */
async function installGrubFiles(
  run: (argv: readonly [string, ...string[]]) => Promise<unknown>,
  root: string,
  request: DebianRootRequest,
): Promise<void> {
  const { hasBios, efi } = request.architecture
  const directory = join(root, 'boot/grub')
  await mkdir(directory, { recursive: true })
  await run(['chroot', root, 'grub-editenv', '/boot/grub/grubenv', 'create'])
  await writeFile(join(directory, 'grub.cfg'), firstGrubConfiguration(request))
  if (efi) {
    await mkdir(join(root, 'boot/efi'), { recursive: true })
    await copyFile(join(root, efi.grub), join(request.output, debianOutput.efiImage))
  }
  if (hasBios) await installBiosGrub(run, root, request.output)
}

async function installBiosGrub(
  run: (argv: readonly [string, ...string[]]) => Promise<unknown>,
  root: string,
  output: string,
): Promise<void> {
  const modules = join(root, 'usr/lib/grub/i386-pc')
  await cp(modules, join(root, 'boot/grub/i386-pc'), { recursive: true })
  await writeFile(join(root, 'tmp/early.cfg'), earlyGrubConfiguration)
  // By the release's own tools: core and modules must be of one version.
  const target = ['-O', 'i386-pc', '-p', '(hd0,msdos1)/boot/grub', '-c', '/tmp/early.cfg', '-o', '/tmp/core.img']
  await run(['chroot', root, 'grub-mkimage', ...target, ...grubModules])
  await copyFile(join(root, 'tmp/core.img'), join(output, debianOutput.coreImage))
  await copyFile(join(modules, 'boot.img'), join(output, debianOutput.bootImage))
  for (const name of ['core.img', 'early.cfg']) await rm(join(root, 'tmp', name))
}

/** Settings of `update-grub`: the console is the serial port, as on EC2. On arm64 GRUB knows that of the firmware only. */
function grubDefaults({ serialConsole, hasBios }: BuildArchitecture): string {
  return `GRUB_TIMEOUT=0
GRUB_TERMINAL="${hasBios ? 'console serial' : 'console'}"
${hasBios ? 'GRUB_SERIAL_COMMAND="serial --speed=115200"\n' : ''}GRUB_CMDLINE_LINUX="console=tty0 console=${serialConsole},115200 consoleblank=0"
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_DISABLE_OS_PROBER=true
`
}

function firstGrubConfiguration({ fileSystemUuid, architecture }: DebianRootRequest): string {
  return grubEntry({
    kernel: '/vmlinuz',
    kernelArguments: `root=UUID=${fileSystemUuid} ro console=tty0 console=${architecture.serialConsole},115200 consoleblank=0`,
    initrd: '/initrd.img',
  })
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
