import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProcessHost } from '../../host/process.ts'
import type { NanoRecipe } from './recipe.ts'

const aptTimeoutMs = 10 * 60 * 1000

/**
 * The paths of the recipe's packages as .deb files, the kernel's last. Downloads what is not in `cacheDirectory` by an apt
 * of its own (no root, the host's lists untouched); a complete cache is used with no network at all.
 */
export async function fetchPackages(
  processes: ProcessHost,
  recipe: NanoRecipe,
  cacheDirectory: string,
  signal: AbortSignal,
  onLine: (line: string) => void,
): Promise<readonly string[]> {
  const directory = join(cacheDirectory, recipe.suite)
  const archives = join(directory, 'archives')
  const wantedPath = join(directory, `${recipe.name}.json`)
  const wanted = JSON.stringify([recipe.mirror, recipe.kernelPackage, recipe.packages])
  await mkdir(join(directory, 'lists', 'partial'), { recursive: true })
  await mkdir(join(archives, recipe.name), { recursive: true })
  const target = join(archives, recipe.name)
  if ((await readIfThere(wantedPath)) !== wanted) {
    const sources = join(directory, 'sources.list')
    const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
    await writeFile(sources, `deb [signed-by=${keyring} arch=amd64] ${recipe.mirror} ${recipe.suite} main\n`)
    await writeFile(join(directory, 'status'), '')
    const options = [
      `Dir::State=${directory}`,
      `Dir::State::lists=${join(directory, 'lists')}`,
      `Dir::State::status=${join(directory, 'status')}`,
      `Dir::Cache=${directory}`,
      `Dir::Etc::sourcelist=${sources}`,
      'Dir::Etc::sourceparts=-',
      'APT::Architecture=amd64',
      'APT::Sandbox::User=',
      'Acquire::Languages=none',
      'Acquire::Retries=3',
    ].flatMap((option) => ['-o', option])
    const run = (...argv: readonly [string, ...string[]]) =>
      processes.run({
        argv: [argv[0], ...options, ...argv.slice(1)],
        directory: target,
        timeoutMs: aptTimeoutMs,
        signal,
        onLine,
      })
    await run('apt-get', 'update')
    const { stdout } = await run('apt-cache', 'depends', '--important', recipe.kernelPackage)
    const kernel = /Depends: (linux-image-\S+)/.exec(stdout)?.[1]
    if (kernel === undefined) throw new Error(`${recipe.kernelPackage} depends on no kernel package`)
    await run('apt-get', 'download', kernel, ...recipe.packages)
    await writeFile(wantedPath, wanted)
  }
  return (await readdir(target)).filter((name) => name.endsWith('.deb')).map((name) => join(target, name))
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
