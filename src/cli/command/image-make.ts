import { type Command, Option } from 'commander'
import type { TaskDescription } from '../../api/kiln/task.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'
import { communityNameOf, pullCommunityImage } from '../resolve/community-image.ts'
import { resolveImage, waysToGet } from '../resolve/image.ts'
import { clientOf, note, say, type Session } from '../session.ts'
import { followTask } from '../task.ts'
import { pullFromRegistry } from './image-registry.ts'
import { readSource } from './source.ts'

const cancelled = 'Cancelled.'
const cancelledDownload = 'Cancelled. What has come of the download is kept: the same command goes on from there.'

const architectures = ['x86_64', 'i386', 'arm64'] as const

function architectureOption(description: string): Option {
  return new Option('--arch, --architecture <architecture>', description).choices(architectures)
}

const bootModes = ['legacy-bios', 'uefi', 'uefi-preferred'] as const

function bootModeOption(): Option {
  return new Option('--boot-mode <mode>', 'legacy-bios when absent, uefi for arm64').choices(bootModes)
}

interface MakeOptions {
  name?: string
  bootMode?: (typeof bootModes)[number]
  architecture?: (typeof architectures)[number]
}

/** `kiln image build` */
export function defineBuild(command: Command, session: Session): void {
  command
    .description('Build an image from a recipe')
    .argument('<recipe>', 'see: kiln image recipes')
    .option('--name <name>', "the recipe's when absent, with the architecture after it when that is not x86_64")
    .addOption(architectureOption('x86_64 when absent'))
    .addOption(bootModeOption())
    .addHelpText(
      'after',
      `
Examples:
  kiln image build nano
  kiln image build nano --architecture arm64
  kiln image build debian-12 --name base`,
    )
    .action(async (recipe: string, { name, architecture, bootMode }: MakeOptions) => {
      const client = clientOf(session)
      const { Recipes } = await client.call('KilnDescribeRecipes', {})
      if (!Recipes.some(({ Name }) => Name === recipe)) {
        throw new CliError(`There is no recipe ${recipe}.`, {
          exitCode: exitCode.notFound,
          hint: (await waysToGet(client, recipe)) ?? 'See what can be built: kiln image recipes',
        })
      }
      const { TaskId } = await client.call('KilnBuildImage', {
        Recipe: recipe,
        ...(name ? { Name: name } : {}),
        ...(architecture ? { Architecture: architecture } : {}),
        ...(bootMode ? { BootMode: bootMode } : {}),
      })
      await tellResult(session, client, await followTask(session, client, TaskId, cancelled))
    })
}

/** `kiln image pull` */
export function definePull(command: Command, session: Session): void {
  command
    .description('Download an official cloud image, or an image of a registry or of the community, and verify it')
    .argument('<name>', 'see: kiln image catalog; or registry/name:tag; or community/name')
    .option('--name <name>', 'of the image; that of the catalogue, or its own, when absent')
    .option('--key <file>', 'of a registry: a public key that must have signed it, such as cosign.pub')
    .addOption(architectureOption("the entry's own when absent"))
    .addHelpText(
      'after',
      `
A download that broke off, or was cancelled by Ctrl-C, goes on where it was when the command is run again.

Examples:
  kiln image pull ubuntu-24.04
  kiln image pull debian-12 --architecture arm64
  kiln image pull debian-12 --name debian-official
  kiln image pull registry.example.org/team/web:1`,
    )
    .action(async (catalogName: string, { name, key, architecture }: MakeOptions & { key?: string }) => {
      const client = clientOf(session)
      const community = communityNameOf(catalogName)
      if (community) return tellResult(session, client, await pullCommunityImage(session, client, community))
      if (catalogName.includes('/')) {
        const options = { ...(name ? { name } : {}), ...(key ? { key } : {}) }
        return tellResult(session, client, await pullFromRegistry(session, client, catalogName, options))
      }
      if (key !== undefined) {
        throw new CliError('Images of the catalogue have checksums, no signatures.', { exitCode: exitCode.usage })
      }
      const { Entries } = await client.call('KilnDescribeCatalog', {})
      if (!Entries.some(({ Name }) => Name === catalogName)) {
        throw new CliError(`The catalogue has no ${catalogName}.`, {
          exitCode: exitCode.notFound,
          hint: (await waysToGet(client, catalogName)) ?? 'See what can be pulled: kiln image catalog',
        })
      }
      const { TaskId } = await client.call('KilnPullImage', {
        CatalogName: catalogName,
        ...(name ? { Name: name } : {}),
        ...(architecture ? { Architecture: architecture } : {}),
      })
      await tellResult(session, client, await followTask(session, client, TaskId, cancelledDownload))
    })
}

interface ImportOptions {
  name: string
  description?: string
  architecture?: (typeof architectures)[number]
  bootMode?: (typeof bootModes)[number]
  loginUser?: string
  checksum?: string
}

/** `kiln image import` */
export function defineImport(command: Command, session: Session): void {
  command
    .description('Make an image of a disk: qcow2, raw, VMDK, VHD, VHDX or OVA, also in gzip, xz or zstd')
    .argument('<source>', 'a file, an http(s) URL, or s3://BUCKET/KEY')
    .requiredOption('--name <name>', 'of the image')
    .option('--description <text>')
    .addOption(architectureOption('x86_64 when absent'))
    .addOption(bootModeOption())
    .option('--login-user <user>', 'whom kiln ssh logs in as; ec2-user when absent')
    .option('--checksum <checksum>', 'sha256:HEX or sha512:HEX of the file as it is, packed or not')
    .addHelpText(
      'after',
      `
Examples:
  kiln image import disk.qcow2 --name mine --login-user admin
  kiln image import https://example.org/server.ova --name server --checksum sha256:…
  kiln image import s3://backups/server.vmdk --name server
  kiln image import board.img.xz --name board --arch arm64`,
    )
    .action(async (source: string, options: ImportOptions) => {
      const client = clientOf(session)
      const { kind, text } = readSource(source)
      const { TaskId } = await client.call('KilnImportImage', {
        Source: text,
        Name: options.name,
        ...(options.description === undefined ? {} : { Description: options.description }),
        ...(options.architecture ? { Architecture: options.architecture } : {}),
        ...(options.bootMode ? { BootMode: options.bootMode } : {}),
        ...(options.loginUser ? { LoginUser: options.loginUser } : {}),
        ...(options.checksum ? { Checksum: options.checksum } : {}),
      })
      await tellResult(
        session,
        client,
        await followTask(session, client, TaskId, kind === 'url' ? cancelledDownload : cancelled),
      )
    })
}

/** `kiln image prepare` */
export function definePrepare(command: Command, session: Session): void {
  command
    .description('Make a new image of one, whose servers can go on from a warm template')
    .argument('<image>', 'id or name; of a systemd distribution with cloud-init and Python 3')
    .option('--name <name>', "of the new image; the image's own and -fast-launch when absent")
    .addHelpText(
      'after',
      `
A server of the image is launched, the guest part installed in it, and an image made of it. Images of recipes have it already.

Examples:
  kiln image prepare ubuntu-24.04
  kiln image prepare ami-0123456789abcdef0 --name base`,
    )
    .action(async (image: string, { name }: { name?: string }) => {
      const client = clientOf(session)
      const { ImageId: imageId = '' } = await resolveImage(client, image)
      const { TaskId } = await client.call('KilnPrepareImage', { ImageId: imageId, ...(name ? { Name: name } : {}) })
      await tellResult(session, client, await followTask(session, client, TaskId, cancelled))
    })
}

/** Tells the id of an image that is there now. */
export async function tellResult(
  session: Session,
  client: KilnClient,
  { ImageId: imageId = '' }: Pick<TaskDescription, 'ImageId'>,
): Promise<void> {
  say(session, imageId)
  const { Name = imageId } = await resolveImage(client, imageId)
  note(session, `Launch it with: kiln run ${Name}`)
}
