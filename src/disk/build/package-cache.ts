import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import { syncDirectory, syncFile } from '../../host/files.ts'
import { createKeyedLock } from '../../host/keyed-lock.ts'
import type { ProcessHost } from '../../host/process.ts'

const aptTimeoutMs = 10 * 60 * 1000
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
const unfinished = 'unfinished-'

/** A set of packages that are downloaded together; nothing that they depend on comes with them. */
export interface PackageSet {
  /** Of the recipe: a set takes the place of the one of the same name and architecture. */
  readonly name: string
  /** dpkg's name of it. */
  readonly architecture: string
  readonly suite: string
  readonly packages: readonly string[]
  /** A package that depends on the kernel of the day, `linux-image-cloud-amd64`; that kernel's package is downloaded for it. */
  readonly kernelPackage: string
}

/** Debian packages that were downloaded once. A set is there whole or not at all, of one version each. */
export interface PackageCache {
  /**
   * Gives the paths of the set's .deb files to `use`; they stay until it is done. Downloads what is not there by an apt of its own (no
   * root, the host's lists untouched), which verifies signatures and digests. A set that is there is used with no network at all. One
   * piece of work at a time, the others wait.
   */
  use<T>(
    set: PackageSet,
    options: { signal: AbortSignal; onLine: (line: string) => void },
    use: (paths: readonly string[]) => Promise<T>,
  ): Promise<T>
}

/** `directory` is this daemon's alone: the lock of the state directory sees to that. */
export function createPackageCache(dependencies: {
  processes: ProcessHost
  directory: string
  mirror: string
}): PackageCache {
  const { processes, directory, mirror } = dependencies
  const lock = createKeyedLock()

  async function download(
    set: PackageSet,
    destination: string,
    options: { signal: AbortSignal; onLine: (line: string) => void },
  ): Promise<void> {
    const state = join(directory, 'apt', `${set.suite}-${set.architecture}`)
    await mkdir(join(state, 'lists', 'partial'), { recursive: true })
    await mkdir(join(state, 'archives', 'partial'), { recursive: true })
    const sources = join(state, 'sources.list')
    await writeFile(sources, `deb [signed-by=${keyring} arch=${set.architecture}] ${mirror} ${set.suite} main\n`)
    await writeFile(join(state, 'status'), '')
    const aptOptions = [
      `Dir::State=${state}`,
      `Dir::State::lists=${join(state, 'lists')}`,
      `Dir::State::status=${join(state, 'status')}`,
      `Dir::Cache=${state}`,
      `Dir::Etc::sourcelist=${sources}`,
      'Dir::Etc::sourceparts=-',
      `APT::Architecture=${set.architecture}`,
      'APT::Sandbox::User=',
      'Acquire::Languages=none',
      'Acquire::Retries=3',
    ].flatMap((option) => ['-o', option])
    const run = (program: string, ...rest: readonly string[]) =>
      processes.run({
        argv: [program, ...aptOptions, ...rest],
        directory: destination,
        timeoutMs: aptTimeoutMs,
        ...options,
      })
    await run('apt-get', 'update')
    const { stdout } = await run('apt-cache', 'depends', '--important', set.kernelPackage)
    const kernel = /Depends: (linux-image-\S+)/.exec(stdout)?.[1]
    if (kernel === undefined) throw new Error(`${set.kernelPackage} of ${set.suite} depends on no kernel package`)
    const names = [kernel, ...set.packages]
    await run('apt-get', 'download', ...names)
    const files = await listPackages(destination)
    const missing = names.filter((name) => !files.some((file) => file.startsWith(`${name}_`)))
    if (missing.length > 0) throw new Error(`${mirror} did not give ${missing.join(', ')}`)
    for (const file of files) await syncFile(join(destination, file))
    await syncDirectory(destination)
  }

  return {
    use: (set, options, use) =>
      lock.run('packages', options.signal, async () => {
        const sets = join(directory, 'sets', `${set.name}-${set.architecture}`)
        const wanted = join(sets, digestOf([mirror, set.suite, set.kernelPackage, ...set.packages]))
        await mkdir(sets, { recursive: true })
        if (!(await fsExtra.pathExists(wanted))) {
          const staging = await mkdtemp(join(sets, unfinished))
          try {
            await download(set, staging, options)
            await rename(staging, wanted)
            await syncDirectory(sets)
          } finally {
            await rm(staging, { recursive: true, force: true })
          }
        }
        // Sets of an earlier recipe, and what a daemon left that was killed while it downloaded.
        for (const name of await readdir(sets)) {
          if (join(sets, name) !== wanted) await rm(join(sets, name), { recursive: true, force: true })
        }
        return await use((await listPackages(wanted)).map((name) => join(wanted, name)))
      }),
  }
}

function digestOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)
}

async function listPackages(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith('.deb')).sort()
}
