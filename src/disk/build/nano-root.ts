import { chmod, copyFile, cp, lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import type { ProcessHost } from '../../host/process.ts'
import { buildArchitectures } from './build-architecture.ts'
import { orderModules } from './kernel-module.ts'
import { openDirectories } from './open-directories.ts'
import type { NanoRecipe } from './recipe.ts'

const toolTimeoutMs = 120_000
/** They pass through etc/kiln/power, which tells the shutdown what it is for. */
const powerLinks = ['sbin/poweroff', 'sbin/reboot', 'sbin/halt']
const directories = [
  ...['bin', 'sbin', 'dev', 'proc', 'sys', 'run', 'tmp', 'root', 'boot', 'usr/bin', 'usr/sbin', 'usr/local/bin'],
  ...['etc/dropbear', 'etc/sudoers.d', 'var/log', 'var/lib/kiln'],
]

/** Lays out the nano root file system in `root` from unpacked packages; its boot/ holds vmlinuz and initrd.gz. */
export async function layOutNanoRoot(
  processes: ProcessHost,
  request: {
    recipe: NanoRecipe
    packages: readonly string[]
    guestDirectory: string
    workDirectory: string
    root: string
  },
  signal: AbortSignal,
): Promise<void> {
  const { recipe, root, guestDirectory } = request
  const { multiarch, serialConsole } = buildArchitectures[recipe.architecture]
  const unpacked = join(request.workDirectory, 'unpacked')
  const run = (argv: readonly [string, ...string[]], options: { input?: string; directory?: string } = {}) =>
    processes.run({ argv, timeoutMs: toolTimeoutMs, signal, ...options })
  await mkdir(unpacked)
  for (const path of request.packages) await run(['dpkg-deb', '-x', path, unpacked])

  for (const directory of [...directories, `lib/${multiarch}`]) await mkdir(join(root, directory), { recursive: true })
  await copyGuestTree(join(guestDirectory, 'root'), root)
  for (const path of recipe.files) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    // Links stay links: an absolute one (the loader's) must not be followed on the host.
    await cp(join(unpacked, path), join(root, path), { verbatimSymlinks: true })
  }
  await chmod(join(root, 'usr/bin/sudo'), 0o4755)
  for (const library of [...recipe.libraries, basename(recipe.loader)])
    await copyFile(await findLibrary(unpacked, multiarch, library), join(root, 'lib', multiarch, library))
  // As `busybox --list-full` has it: one for another architecture cannot be asked here.
  const applets = await readFile(join(guestDirectory, 'applets'), 'utf8')
  for (const link of powerLinks) await symlink('/etc/kiln/power', join(root, link))
  for (const applet of applets.split('\n').filter(Boolean)) {
    const path = join(root, applet)
    if (await exists(path)) continue
    await mkdir(dirname(path), { recursive: true })
    await symlink('/bin/busybox', path)
  }
  await writeConfiguration(root, recipe)
  const inittab = join(root, 'etc/inittab')
  await writeFile(inittab, (await readFile(inittab, 'utf8')).replaceAll('{console}', serialConsole))
  await makeInitrd(run, { recipe, unpacked, guestDirectory, workDirectory: request.workDirectory, root })
  await openDirectories(root)
}

/** Git keeps of a mode only whether a file can be executed, and a checkout's umask may take more away: modes are set here. */
async function copyGuestTree(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true, recursive: true })) {
    const source = join(entry.parentPath, entry.name)
    const target = join(to, relative(from, source))
    if (entry.isDirectory()) await mkdir(target, { recursive: true })
    else {
      await mkdir(dirname(target), { recursive: true })
      await copyFile(source, target)
      const isExecutable = ((await lstat(source)).mode & 0o100) !== 0
      await chmod(target, isExecutable ? 0o755 : 0o644)
    }
  }
  await chmod(join(to, 'etc/sudoers'), 0o440)
}

/** What differs by the recipe: who logs in. */
async function writeConfiguration(root: string, { loginUser: user }: NanoRecipe): Promise<void> {
  const files: readonly (readonly [string, string, number])[] = [
    ['etc/passwd', `root:x:0:0:root:/root:/bin/sh\n${user}:x:1000:1000::/home/${user}:/bin/sh\n`, 0o644],
    ['etc/group', `root:x:0:\ntty:x:5:\n${user}:x:1000:\n`, 0o644],
    ['etc/shadow', `root:*:19000:0:99999:7:::\n${user}:*:19000:0:99999:7:::\n`, 0o600],
    ['etc/sudoers.d/login-user', `${user} ALL=(ALL:ALL) NOPASSWD:ALL\n`, 0o440],
    ['etc/kiln/login-user', `${user}\n`, 0o644],
  ]
  for (const [path, text, mode] of files) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
    await chmod(join(root, path), mode)
  }
  // Everything in the tree belongs to root on the disk: the init gives it to its user.
  await mkdir(join(root, 'home', user), { recursive: true })
}

async function makeInitrd(
  run: (
    argv: readonly [string, ...string[]],
    options?: { input?: string; directory?: string },
  ) => Promise<{ stdout: string }>,
  request: { recipe: NanoRecipe; unpacked: string; guestDirectory: string; workDirectory: string; root: string },
): Promise<void> {
  const { unpacked, root } = request
  const [version] = await readdir(join(unpacked, 'lib/modules'))
  if (version === undefined) throw new Error('the kernel package holds no modules')
  await copyFile(join(unpacked, `boot/vmlinuz-${version}`), join(root, 'boot/vmlinuz'))
  const initrd = join(request.workDirectory, 'initrd')
  for (const directory of ['bin', 'proc', 'sys', 'dev', 'root'])
    await mkdir(join(initrd, directory), { recursive: true })
  await copyFile(join(root, 'bin/busybox'), join(initrd, 'bin/busybox'))
  await copyFile(join(request.guestDirectory, 'initrd-init'), join(initrd, 'init'))
  await chmod(join(initrd, 'init'), 0o755)
  const { modules, templateModules } = request.recipe
  const directory = join(unpacked, 'lib/modules', version)
  const atBoot = await orderModules(directory, modules)
  await copyModules(atBoot, join(initrd, 'modules'))
  // Not in the initrd: every boot would unpack them.
  const ofTemplates = await orderModules(directory, [...modules, ...templateModules])
  await copyModules(ofTemplates.slice(atBoot.length), join(root, 'usr/lib/kiln/modules'))
  const names = (await readdir(initrd, { recursive: true })).sort()
  const archive = join(request.workDirectory, 'initrd.cpio')
  await run(['cpio', '-o', '-H', 'newc', '-R', '0:0', '--quiet', '-O', archive], {
    input: `.\n${names.join('\n')}\n`,
    directory: initrd,
  })
  await run(['gzip', '-n', '-9', archive])
  await copyFile(`${archive}.gz`, join(root, 'boot/initrd.gz'))
}

/** Lays modules beside a file `order` that names them in the order to insert them in. */
async function copyModules(paths: readonly string[], directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  const names = paths.map((path) => basename(path))
  for (const path of paths) await copyFile(path, join(directory, basename(path)))
  await writeFile(join(directory, 'order'), names.map((name) => `${name}\n`).join(''))
}

async function findLibrary(unpacked: string, multiarch: string, name: string): Promise<string> {
  for (const directory of ['lib', 'usr/lib']) {
    const path = join(unpacked, directory, multiarch, name)
    if (await exists(path)) return path
  }
  throw new Error(`no package of the recipe holds ${name}`)
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}
