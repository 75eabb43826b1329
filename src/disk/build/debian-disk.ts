import { mkdir, rename } from 'node:fs/promises'
import { freemem, userInfo } from 'node:os'
import { join } from 'node:path'
import type { WorkOptions } from '../../ec2/ports/disk.ts'
import type { ProcessHost } from '../../host/process.ts'
import type { Random } from '../../host/random.ts'
import { installGrub, makePartitionedDisk } from './bios-disk.ts'
import { buildInRoom, requireRoom } from './build-room.ts'
import { debianOutput } from './debian-root.ts'
import type { DebianRecipe } from './recipe.ts'

/** What a Debian needs in the room: the system, the packages that it comes from, the package lists. */
const neededMib = 1200
const bytesPerMib = 1024 * 1024

/** Builds the raw, sparse disk of a Debian recipe in `workDirectory`; answers its path. `root/boot/vmlinuz` there is its kernel. */
export async function buildDebianDisk(
  dependencies: { processes: ProcessHost; random: Random; mirror: string; cacheDirectory: string },
  request: { recipe: DebianRecipe; guestDirectory: string; workDirectory: string },
  work: WorkOptions,
): Promise<string> {
  const { processes, random, mirror, cacheDirectory } = dependencies
  const { recipe, workDirectory } = request
  const isRoot = process.getuid?.() === 0
  const availableMib = Math.floor(freemem() / bytesPerMib)
  await requireRoom(processes, { isRoot, userName: userInfo().username, availableMib, neededMib })
  const raw = join(workDirectory, 'disk.raw')
  const room = join(workDirectory, 'room')
  await mkdir(room)
  await makePartitionedDisk(processes, { raw, diskMib: recipe.diskMib }, work.signal)
  let stage = 'Installing packages'
  await buildInRoom(
    processes,
    isRoot,
    {
      suite: recipe.suite,
      packages: recipe.packages,
      buildSources: sourceLines(mirror, recipe.suite),
      guestSources: guestSources(recipe),
      guestDirectory: request.guestDirectory,
      cacheDirectory: join(cacheDirectory, recipe.name),
      room,
      roomMib: 2 * neededMib,
      raw,
      diskMib: recipe.diskMib,
      fileSystemUuid: random.uuid(),
      output: workDirectory,
    },
    {
      signal: work.signal,
      onStage: (next) => {
        stage = next
        work.onProgress({ stage })
      },
      onLine: (detail) => work.onProgress({ stage, detail }),
    },
  )
  await installGrub(raw, {
    bootImage: join(workDirectory, debianOutput.bootImage),
    coreImage: join(workDirectory, debianOutput.coreImage),
  })
  await mkdir(join(workDirectory, 'root/boot'), { recursive: true })
  await rename(join(workDirectory, debianOutput.kernel), join(workDirectory, 'root/boot/vmlinuz'))
  return raw
}

/**
 * sources.list of the build. Debian's mirrors keep the security archive beside the main one under the same name with
 * `-security`; from a mirror whose address does not end in `/debian` the build goes without.
 */
export function sourceLines(mirror: string, suite: string): readonly string[] {
  const main = mirror.replace(/\/+$/, '')
  const lines = [`deb ${main} ${suite} main`, `deb ${main} ${suite}-updates main`]
  if (main.endsWith('/debian')) lines.push(`deb ${main}-security ${suite}-security main`)
  return lines
}

/** debian.sources of the server, in the form of Debian's own cloud images. */
export function guestSources(recipe: Pick<DebianRecipe, 'mirror' | 'suite'>): string {
  const { mirror, suite } = recipe
  const keyring = 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg'
  return `Types: deb
URIs: ${mirror}
Suites: ${suite} ${suite}-updates
Components: main
${keyring}

Types: deb
URIs: ${mirror}-security
Suites: ${suite}-security
Components: main
${keyring}
`
}
