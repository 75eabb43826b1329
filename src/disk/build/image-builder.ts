import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { Ec2Error } from '../../ec2/errors.ts'
import type { ImageBuilder, WorkOptions } from '../../ec2/ports/disk.ts'
import type { ProcessHost } from '../../host/process.ts'
import type { Random } from '../../host/random.ts'
import { makeBiosDisk } from './bios-disk.ts'
import { buildDebianDisk } from './debian-disk.ts'
import { layOutNanoRoot } from './nano-root.ts'
import { createPackageCache } from './package-cache.ts'
import { type DebianRecipe, type NanoRecipe, readRecipes } from './recipe.ts'

/** What the builder works with. */
export interface ImageBuilderDependencies {
  readonly processes: ProcessHost
  readonly random: Random
  readonly log: Logger
  /** images/recipes; the guests' files are in folders beside it, images/nano and images/debian. */
  readonly recipesDirectory: string
  /** Packages that were downloaded once are kept here. */
  readonly cacheDirectory: string
  /** Where packages are taken from. */
  readonly debianMirror: string
}

/**
 * nano's: a server to try things with has no secrets to keep from its own processes, so what only costs time is off (under TCG a tenth
 * of the boot).
 */
const kernelArguments = [
  ...['root=/dev/vda1', 'rw', 'console=ttyS0', 'quiet', 'panic=1', 'net.ifnames=0', '8250.nr_uarts=1', 'audit=0'],
  ...['no_timer_check', 'tsc=reliable', 'random.trust_cpu=on', 'cryptomgr.notests', 'rcupdate.rcu_expedited=1'],
  // Devices are plugged by ACPI on q35 (QEMU 6.1 and later): the drivers of PCIe ports would find nothing to do in each of the ports.
  ...['mitigations=off', 'nokaslr', 'pcie_ports=compat'],
].join(' ')

/** Builds the images of images/recipes from Debian's packages, as whatever user runs it. */
export function createImageBuilder(dependencies: ImageBuilderDependencies): ImageBuilder {
  const { processes, random, log, recipesDirectory, cacheDirectory, debianMirror } = dependencies
  const packageCache = createPackageCache({ processes, directory: cacheDirectory, mirror: debianMirror })
  const guestFiles = (kind: 'nano' | 'debian') => join(recipesDirectory, '..', kind)

  async function buildNano(recipe: NanoRecipe, workDirectory: string, work: WorkOptions): Promise<string> {
    const root = join(workDirectory, 'root')
    await mkdir(root)
    work.onProgress({ stage: 'Downloading packages' })
    const onLine = (detail: string) => work.onProgress({ stage: 'Downloading packages', detail })
    await packageCache.use(recipe, { signal: work.signal, onLine }, async (packages) => {
      work.onProgress({ stage: 'Installing' })
      const guestDirectory = guestFiles('nano')
      await layOutNanoRoot(processes, { recipe, packages, guestDirectory, workDirectory, root }, work.signal)
    })
    work.onProgress({ stage: 'Making the disk' })
    const path = await makeBiosDisk(
      processes,
      { root, workDirectory, diskMib: recipe.diskMib, kernelArguments, isRoot: process.getuid?.() === 0 },
      work.signal,
    )
    for (const leftover of ['unpacked', 'disk.raw']) await rm(join(workDirectory, leftover), { recursive: true })
    return path
  }

  function buildDebian(recipe: DebianRecipe, workDirectory: string, work: WorkOptions): Promise<string> {
    return buildDebianDisk(
      { processes, random, mirror: debianMirror, cacheDirectory },
      { recipe, guestDirectory: guestFiles('debian'), workDirectory },
      work,
    )
  }

  return {
    listRecipes: async () =>
      (await readRecipes(recipesDirectory)).map(({ name, description, architecture }) => ({
        name,
        description,
        architecture,
      })),
    build: async (name, workDirectory, work) => {
      const recipe = (await readRecipes(recipesDirectory)).find((recipe) => recipe.name === name)
      if (!recipe) throw new Ec2Error('InvalidParameterValue', `There is no image recipe named ${JSON.stringify(name)}`)
      const path =
        recipe.kind === 'nano'
          ? await buildNano(recipe, workDirectory, work)
          : await buildDebian(recipe, workDirectory, work)
      log.info({ recipe: name, path }, 'image built')
      const { description, architecture, loginUser } = recipe
      return { path, architecture, name, description, loginUser }
    },
  }
}
