import type { Image } from '@aws-sdk/client-ec2'
import type { Jsonified } from '../../api/contract.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'

export type ImageRecord = Jsonified<Image>

/**
 * The image of an id, or the newest of a name: an available one, where there is one, else one that is coming to be, disabled or failed. Says
 * how to get it when a recipe or the catalogue has it.
 */
export async function resolveImage(client: KilnClient, name: string): Promise<ImageRecord> {
  const isId = /^ami-[0-9a-f]{8,17}$/.test(name)
  const answer = await client.call('DescribeImages', { IncludeDisabled: true, ...(isId ? { ImageIds: [name] } : {}) })
  const named = (answer.Images ?? [])
    .filter((image) => isId || image.Name === name)
    .sort((a, b) => (b.CreationDate ?? '').localeCompare(a.CreationDate ?? ''))
  const available = named.filter(({ State }) => State === 'available')
  const found = available.length > 0 ? available : named
  if (found[0]) return (await ownOf(client, found)) ?? found[0]
  throw new CliError(`There is no image ${name}.`, {
    exitCode: exitCode.notFound,
    hint: (await waysToGet(client, name)) ?? 'See what there is: kiln image ls, kiln image recipes, kiln image catalog',
  })
}

/**
 * Anybody may give a public image any name: of images of several accounts the caller's own is meant, however new another's is ("whoAMI").
 */
async function ownOf(client: KilnClient, found: readonly ImageRecord[]): Promise<ImageRecord | undefined> {
  if (found.every(({ OwnerId }) => OwnerId === found[0]?.OwnerId)) return undefined
  const { Images: own = [] } = await client.call('DescribeImages', { Owners: ['self'], IncludeDisabled: true })
  return found.find(({ ImageId }) => own.some((image) => image.ImageId === ImageId))
}

/** What to do to have an image of that name; undefined when neither a recipe nor the catalogue knows it. */
export async function waysToGet(client: KilnClient, name: string): Promise<string | undefined> {
  const [{ Recipes }, { Entries }] = await Promise.all([
    client.call('KilnDescribeRecipes', {}),
    client.call('KilnDescribeCatalog', {}),
  ])
  const isBuilt = Recipes.some((recipe) => recipe.Name === name)
  const isPulled = Entries.some((entry) => entry.Name === name)
  if (isBuilt && isPulled) {
    return `Build it from packages with: kiln image build ${name}; or download its publisher's own with: kiln image pull ${name}`
  }
  if (isBuilt) return `Build it with: kiln image build ${name}`
  return isPulled ? `Pull it with: kiln image pull ${name}` : undefined
}
