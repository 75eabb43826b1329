import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { Ec2Error } from '../../ec2/errors.ts'
import type { ImageBuilder } from '../../ec2/ports/image-builder.ts'
import type { WorkOptions } from '../../ec2/ports/work.ts'
import type { ProcessHost } from '../../host/process.ts'
import type { Random } from '../../host/random.ts'
import { buildArchitectures } from './build-architecture.ts'
import { buildDebianDisk } from './debian-disk.ts'
import { makeNanoDisk } from './nano-disk.ts'
import { layOutNanoRoot } from './nano-root.ts'
import { createPackageCache } from './package-cache.ts'
import { architecturesOf, type DebianRecipe, type NanoRecipe, readRecipes, recipeFor } from './recipe.ts'

/** What the builder works with. */
export interface ImageBuilderDependencies {
  readonly processes: ProcessHost
  readonly random: Random
  readonly log: Logger
  /** images/recipes; the guests' files are in folders beside it: images/nano, images/debian and images/guest. */
  readonly recipesDirectory: string
  /** Packages that were downloaded once are kept here. */
  readonly cacheDirectory: string
  /** Where packages are taken from. */
  readonly debianMirror: string
}

/** Builds the images of images/recipes from Debian's packages, as whatever user runs it. */
export function createImageBuilder(dependencies: ImageBuilderDependencies): ImageBuilder {
  const { processes, random, log, recipesDirectory, cacheDirectory, debianMirror } = dependencies
  const packageCache = createPackageCache({ processes, directory: cacheDirectory, mirror: debianMirror })
  const guestFiles = (kind: 'nano' | 'debian' | 'guest') => join(recipesDirectory, '..', kind)

  async function buildNano(recipe: NanoRecipe, workDirectory: string, work: WorkOptions): Promise<string> {
    const root = join(workDirectory, 'root')
    await mkdir(root)
    work.onProgress({ stage: 'Downloading packages' })
    const onLine = (detail: string) => work.onProgress({ stage: 'Downloading packages', detail })
    const set = { ...recipe, architecture: buildArchitectures[recipe.architecture].dpkg }
    await packageCache.use(set, { signal: work.signal, onLine }, async (packages) => {
      work.onProgress({ stage: 'Installing' })
      const guestDirectory = guestFiles('nano')
      await layOutNanoRoot(processes, { recipe, packages, guestDirectory, workDirectory, root }, work.signal)
    })
    work.onProgress({ stage: 'Making the disk' })
    const unpacked = join(workDirectory, 'unpacked')
    const volumeId = random.bytes(4).toString('hex')
    const path = await makeNanoDisk(
      processes,
      { recipe, root, unpacked, workDirectory, volumeId, isRoot: process.getuid?.() === 0 },
      work.signal,
    )
    for (const leftover of ['unpacked', 'disk.raw']) await rm(join(workDirectory, leftover), { recursive: true })
    return path
  }

  function buildDebian(recipe: DebianRecipe, workDirectory: string, work: WorkOptions): Promise<string> {
    return buildDebianDisk(
      { processes, random, mirror: debianMirror, cacheDirectory },
      { recipe, guestDirectories: [guestFiles('debian'), join(guestFiles('guest'), 'root')], workDirectory },
      work,
    )
  }

  return {
    listRecipes: async () =>
      (await readRecipes(recipesDirectory)).map((recipe) => ({
        name: recipe.name,
        description: recipe.description,
        architectures: architecturesOf(recipe),
      })),
    build: async (name, wanted, workDirectory, work) => {
      const file = (await readRecipes(recipesDirectory)).find((recipe) => recipe.name === name)
      if (!file) throw new Ec2Error('InvalidParameterValue', `There is no image recipe named ${JSON.stringify(name)}`)
      const architectures = architecturesOf(file)
      const [usual = 'x86_64'] = architectures
      const architecture = wanted ?? usual
      const recipe = recipeFor(file, architecture)
      if (!recipe) {
        const offered = architectures.join(' and ')
        throw new Ec2Error(
          'InvalidParameterValue',
          `The recipe ${name} builds for ${offered}, not for ${architecture}.`,
        )
      }
      const path =
        recipe.kind === 'nano'
          ? await buildNano(recipe, workDirectory, work)
          : await buildDebian(recipe, workDirectory, work)
      log.info({ recipe: name, architecture, path }, 'image built')
      const { description, loginUser } = recipe
      // As the catalogue names its images.
      const isUsual = architecture === usual
      return {
        path,
        architecture,
        name: isUsual ? name : `${name}-${architecture}`,
        description: isUsual ? description : `${description}, for ${architecture}`,
        loginUser,
      }
    },
  }
}
