import type { Command } from 'commander'
import { OperationError } from '../../api/contract.ts'
import { type ImageCategory, imageCategories } from '../../ec2/image/image-category.ts'
import { imageTag } from '../../ec2/image/image-tag.ts'
import type { KilnClient } from '../client.ts'
import { addExamples } from '../help.ts'
import { formatBytes } from '../render/progress.ts'
import type { ImageRecord } from '../resolve/image.ts'
import { addOutputOption, clientOf, note, type OutputFormat, printListing, type Session } from '../session.ts'

const optionOf = {
  'quick-start': { flag: '--quick-start', what: 'recipes and official images: what is there, and what can be got' },
  mine: { flag: '--mine', what: 'your own, and those shared with your account' },
  community: { flag: '--community [query]', what: "other accounts' public ones, and what other Kilns have published" },
  marketplace: { flag: '--marketplace', what: 'products of publishers: what is there, and what can be subscribed to' },
  pipelines: { flag: '--pipelines', what: 'what your pipelines have built' },
} as const satisfies Record<ImageCategory, { flag: string; what: string }>

type Options = { output: OutputFormat; all?: boolean } & Partial<
  Record<'quickStart' | 'mine' | 'marketplace' | 'pipelines', boolean> & { community: string | true }
>

/** An image, or what one could be got by; then it has no id. */
interface Row {
  readonly Name: string
  readonly Category: ImageCategory
  readonly Architecture: string | undefined
  readonly Description: string | undefined
  readonly Image?: ImageRecord
  readonly LoginUser?: string | undefined
}

/** `kiln image ls` */
export function defineImageLs(command: Command, session: Session): void {
  for (const category of imageCategories) command.option(optionOf[category].flag, optionOf[category].what)
  command.option('--all', 'every category, with what can be got')
  addOutputOption(command.description('List images')).action(async (options: Options) => {
    const client = clientOf(session)
    const chosen = chosenCategories(options)
    const [images, { Snapshots = [] }] = await Promise.all([listImages(client), client.call('DescribeSnapshots', {})])
    const available = [
      ...(await listAvailable(client, chosen, images)),
      ...(chosen.includes('community') ? await listPublished(session, client, images) : []),
    ]
    const isWanted = (row: Row) =>
      (chosen.length === 0 || chosen.includes(row.Category)) && hasQuery(row, options.community)
    const rows = [...images, ...available].filter(isWanted)
    const sizes = new Map(Snapshots.map((snapshot) => [snapshot.SnapshotId, snapshot.FullSnapshotSizeInBytes]))
    await printListing(session, options.output, {
      answer: {
        Images: images.filter(isWanted).flatMap(({ Image, Category }) => (Image ? [{ ...Image, Category }] : [])),
        ...(available.length > 0 ? { Available: available } : {}),
      },
      rows,
      empty: chosen.length === 0 ? 'No images. Build one with: kiln image build nano' : 'No images of that category.',
      columns: [
        { title: 'NAME', value: (row) => row.Name },
        { title: 'ID', value: (row) => row.Image?.ImageId },
        { title: 'STATE', value: ({ Image }) => Image && stateOf(Image) },
        { title: 'CATEGORY', value: (row) => row.Category },
        { title: 'ARCHITECTURE', value: (row) => row.Architecture },
        { title: 'SIZE', value: ({ Image }) => Image && sizeOf(Image, sizes) },
        { title: 'DISK', value: ({ Image }) => Image && diskOf(Image) },
        { title: 'LOGIN', value: (row) => row.LoginUser },
        { title: 'CREATED', value: ({ Image }) => Image?.CreationDate?.slice(0, 10) },
        { title: 'DESCRIPTION', value: (row) => row.Description || undefined },
      ],
    })
  })
  addExamples(
    command,
    'kiln image ls',
    'kiln image ls --quick-start',
    'kiln image ls --mine --pipelines',
    'kiln image ls --community web',
  )
}

/** Of community images only. */
function hasQuery({ Name, Category, Description = '', Image }: Row, query: string | true | undefined): boolean {
  if (Category !== 'community' || query === undefined || query === true) return true
  const wanted = query.toLowerCase()
  return [Name, Description, Image?.OwnerId ?? ''].some((text) => text.toLowerCase().includes(wanted))
}

/**
 * What Kilns have published: what is not here, and what this one has published itself. What was pulled is listed as it is here, also when the
 * registry is away.
 */
async function listPublished(session: Session, client: KilnClient, present: readonly Row[]): Promise<Row[]> {
  const isListed = (id: string | undefined) =>
    id !== undefined && present.some(({ Image, Category }) => Image?.ImageId === id && Category === 'community')
  try {
    const { Images } = await client.call('KilnDescribeCommunityImages', {})
    return Images.filter(({ ImageId }) => !isListed(ImageId)).map(
      ({ Name, OwnerId, Architecture, Description, ImageId }) => {
        const own = ImageId === undefined ? undefined : present.find(({ Image }) => Image?.ImageId === ImageId)
        return {
          Name: `community/${OwnerId}/${Name}`,
          Category: 'community',
          Architecture,
          Description,
          ...(own?.Image ? { Image: own.Image, LoginUser: own.LoginUser } : {}),
        }
      },
    )
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    if (error.code !== 'CommunityNotConfigured') note(session, error.message)
    return []
  }
}

/** None: all that is there. */
function chosenCategories(options: Options): ImageCategory[] {
  if (options.all) return [...imageCategories]
  return imageCategories.filter((category) => options[category === 'quick-start' ? 'quickStart' : category])
}

async function listImages(client: KilnClient): Promise<Row[]> {
  const [{ Images = [] }, { Images: categories }] = await Promise.all([
    client.call('DescribeImages', { IncludeDisabled: true }),
    client.call('KilnDescribeImageCategories', {}),
  ])
  const aboutOf = new Map(categories.map((about) => [about.ImageId, about]))
  return Images.map((image) => ({
    Name: image.Name ?? '',
    Category: aboutOf.get(image.ImageId ?? '')?.Category ?? 'mine',
    Architecture: image.Architecture,
    Description: image.Description,
    Image: image,
    LoginUser: aboutOf.get(image.ImageId ?? '')?.LoginUser,
  }))
}

/** Recipes, entries of the catalogue and products whose images are not there. */
async function listAvailable(
  client: KilnClient,
  chosen: readonly ImageCategory[],
  present: readonly Row[],
): Promise<Row[]> {
  const rows: Row[] = []
  const isTaken = (name: string, tag: string) =>
    present.some(({ Image }) => Image?.Tags?.some(({ Key, Value }) => Key === tag && Value === name))
  if (chosen.includes('quick-start')) {
    const [{ Recipes }, { Entries }] = await Promise.all([
      client.call('KilnDescribeRecipes', {}),
      client.call('KilnDescribeCatalog', {}),
    ])
    for (const { Name, Architectures, Description } of Recipes) {
      if (isTaken(Name, imageTag.recipe)) continue
      const Architecture = Architectures.join(', ')
      rows.push({
        Name,
        Category: 'quick-start',
        Architecture,
        Description: `${Description}; kiln image build ${Name}`,
      })
    }
    for (const { Name, Architecture, Description } of Entries) {
      if (isTaken(Name, imageTag.catalog)) continue
      rows.push({ Name, Category: 'quick-start', Architecture, Description: `${Description}; kiln image pull ${Name}` })
    }
  }
  if (chosen.includes('marketplace')) {
    const { Products } = await client.call('KilnDescribeProducts', {})
    for (const { Name, Architecture, Title, ImageId } of Products) {
      if (ImageId !== undefined) continue
      const Description = `${Title}; kiln marketplace subscribe ${Name}`
      rows.push({ Name, Category: 'marketplace', Architecture, Description })
    }
  }
  return rows
}

/** `deprecated` is launched as before, by whoever knows its id. */
function stateOf({ State: state, DeprecationTime: time }: ImageRecord): string | undefined {
  return state === 'available' && time !== undefined && time <= new Date().toISOString() ? 'deprecated' : state
}

/** What the image's files take on the host. */
function sizeOf(image: ImageRecord, sizes: ReadonlyMap<string | undefined, number | undefined>): string | undefined {
  const own = (image.BlockDeviceMappings ?? []).map(({ Ebs }) => sizes.get(Ebs?.SnapshotId))
  if (own.length === 0 || own.some((size) => size === undefined)) return undefined
  return formatBytes(own.reduce<number>((sum, size) => sum + (size ?? 0), 0))
}

/** What the root disk of an instance has at least. */
function diskOf(image: ImageRecord): string | undefined {
  const root = image.BlockDeviceMappings?.find(({ DeviceName }) => DeviceName === image.RootDeviceName)
  return root?.Ebs?.VolumeSize === undefined ? undefined : `${root.Ebs.VolumeSize} GiB`
}
