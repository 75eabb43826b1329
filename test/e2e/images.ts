import { copyFile, mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import { type Lab, openLab, labUser, until } from './lab.ts'

/** Images that recipes of images/recipes build, by the names that these give them, and whom they let in. */
const recipes = {
  nano: { recipe: 'nano', architecture: 'x86_64', login: 'ec2-user' },
  'nano-i386': { recipe: 'nano', architecture: 'i386', login: 'ec2-user' },
  'nano-arm64': { recipe: 'nano', architecture: 'arm64', login: 'ec2-user' },
  'debian-12': { recipe: 'debian-12', architecture: 'x86_64', login: 'admin' },
  'debian-12-i386': { recipe: 'debian-12', architecture: 'i386', login: 'admin' },
  'debian-12-arm64': { recipe: 'debian-12', architecture: 'arm64', login: 'admin' },
  'debian-13': { recipe: 'debian-13', architecture: 'x86_64', login: 'admin' },
} as const

export type RecipeName = keyof typeof recipes

/**
 * Gives a lab the image of a recipe under the recipe's name; answers its id. The recipe is built once for all test files of a run, by
 * the ordinary user where there is one, and imported from then on.
 */
export async function provideImage(lab: Lab, recipe: RecipeName): Promise<string> {
  const source = await diskOf(recipe)
  const { TaskId: taskId } = await lab.call('KilnImportImage', {
    Source: source,
    Name: recipe,
    LoginUser: recipes[recipe].login,
    Architecture: recipes[recipe].architecture,
  })
  return await waitForImage(lab, taskId)
}

/** Waits for a task that makes an image; answers the image's id, throws the task's own error. */
export async function waitForImage(lab: Lab, taskId: string): Promise<string> {
  const find = async () => (await lab.call('KilnDescribeTasks', { TaskIds: [taskId] })).Tasks[0]
  await until(async () => (await find())?.State !== 'running')
  const task = await find()
  if (task?.ImageId === undefined) throw new Error(`${task?.Subject}: ${task?.Error?.Message ?? 'no image came of it'}`)
  return task.ImageId
}

/** The disk of a recipe's image, a qcow2 file. */
export async function diskOf(recipe: RecipeName): Promise<string> {
  // Benchmarks use this file too, and vitest cannot be loaded outside of its own runs.
  const { inject } = await import('vitest')
  const directory = inject('imageDirectory')
  const path = join(directory, `${recipe}.qcow2`)
  const mark = `${path}.building`
  // Test files run side by side: whoever makes the directory builds, the others wait.
  while (!(await fsExtra.pathExists(path))) {
    const isOurs = await mkdir(mark).then(
      () => true,
      () => false,
    )
    if (isOurs) {
      try {
        await build(recipe, path)
      } finally {
        await fsExtra.remove(mark)
      }
    } else await until(async () => !(await fsExtra.pathExists(mark)))
  }
  return path
}

async function build(name: RecipeName, path: string): Promise<void> {
  if (await fsExtra.pathExists(path)) return
  const lab = await openLab(labUser)
  try {
    await lab.startDaemon()
    const { recipe, architecture } = recipes[name]
    const { TaskId: taskId } = await lab.call('KilnBuildImage', { Recipe: recipe, Architecture: architecture })
    const imageId = await waitForImage(lab, taskId)
    await keepDisk(lab, imageId, path)
  } finally {
    await lab.close()
  }
}

async function keepDisk(lab: Lab, imageId: string, path: string): Promise<void> {
  const { Images: images } = await lab.call('DescribeImages', { ImageIds: [imageId] })
  if (images?.length !== 1) throw new Error(`${imageId} is not there`)
  const [layer, ...others] = await fsExtra.readdir(join(lab.home, 'layers'))
  if (layer === undefined || others.length > 0) throw new Error('a lab with one image has one layer')
  const temporary = `${path}.tmp`
  await copyFile(join(lab.home, 'layers', layer, 'disk.qcow2'), temporary)
  await fsExtra.chmod(temporary, 0o644)
  await rename(temporary, path)
}
