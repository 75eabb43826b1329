import { mkdir, rename } from 'node:fs/promises'
import { freemem, userInfo } from 'node:os'
import { join } from 'node:path'
import type { WorkOptions } from '../../ec2/ports/work.ts'
import type { ProcessHost } from '../../host/process.ts'
import type { Random } from '../../host/random.ts'
import { installGrub } from './bios-boot.ts'
import { buildArchitectures } from './build-architecture.ts'
import { buildInRoom, requireRoom } from './build-room.ts'
import { debianOutput } from './debian-root.ts'
import { type DiskLayout, makePartitionedDisk } from './disk-layout.ts'
import { installEfiBoot } from './efi-boot.ts'
import type { DebianRecipe } from './recipe.ts'

/** What a Debian needs in the room: the system, the packages that it comes from, the package lists. */
const neededMib = 1200
const bytesPerMib = 1024 * 1024
/** GRUB of today, of an upgrade beside it, and shim. */
const efiMib = 64

/** Builds the raw, sparse disk of a Debian recipe in `workDirectory`; answers its path. `root/boot/vmlinuz` there is its kernel. */
export async function buildDebianDisk(
  dependencies: { processes: ProcessHost; random: Random; mirror: string; cacheDirectory: string },
  request: { recipe: DebianRecipe; guestDirectories: readonly string[]; workDirectory: string },
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
  const architecture = buildArchitectures[recipe.architecture]
  const { efi } = architecture
  const layout: DiskLayout = { diskMib: recipe.diskMib, efiMib: efi ? efiMib : 0 }
  const efiVolumeId = random.bytes(4).toString('hex')
  await makePartitionedDisk(processes, { raw, layout }, work.signal)
  let stage = 'Installing packages'
  await buildInRoom(
    processes,
    isRoot,
    {
      suite: recipe.suite,
      architecture,
      isRoot,
      packages: recipe.packages,
      buildSources: sourceLines(mirror, recipe.suite),
      guestSources: guestSources(recipe),
      guestDirectories: request.guestDirectories,
      cacheDirectory: join(cacheDirectory, `${recipe.name}-${architecture.dpkg}`),
      room,
      roomMib: 2 * neededMib,
      raw,
      layout,
      fileSystemUuid: random.uuid(),
      ...(efi ? { efiVolumeId } : {}),
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
  const outputOf = (name: keyof typeof debianOutput) => join(workDirectory, debianOutput[name])
  if (architecture.hasBios) {
    await installGrub(raw, { bootImage: outputOf('bootImage'), coreImage: outputOf('coreImage') })
  }
  if (efi) {
    const grubImage = outputOf('efiImage')
    await installEfiBoot(
      processes,
      { raw, layout, efi, grubImage, greeting: '', workDirectory, volumeId: efiVolumeId },
      work.signal,
    )
  }
  await mkdir(join(workDirectory, 'root/boot'), { recursive: true })
  await rename(outputOf('kernel'), join(workDirectory, 'root/boot/vmlinuz'))
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
