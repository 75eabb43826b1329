import type { ImageRecord } from '../image/image.ts'
import { describeTags } from '../tag/tag.ts'
import { type BuildContext, waitFor } from './build-context.ts'
import { buildFailed } from './build-failure.ts'

/** An image of a build in another region. */
export interface CopiedImage {
  readonly region: string
  readonly imageId: string
}

const copyTimeoutMs = 60 * 60_000

/** Copies an image to the other regions of its pipeline, and lets accounts launch it and its copies. */
export async function distribute(context: BuildContext, image: ImageRecord): Promise<CopiedImage[]> {
  const { regions, accountIds, isPublic } = context.pipeline.distribution
  const copies: CopiedImage[] = []
  for (const region of regions.filter((name) => name !== image.region)) {
    context.enter(`Distributing to ${region}`)
    copies.push({ region, imageId: await copyTo(context, image, region) })
  }
  if (accountIds.length > 0 || isPublic) {
    context.enter('Sharing')
    for (const one of [{ region: image.region, imageId: image.id }, ...copies]) await share(context, one)
  }
  return copies
}

async function copyTo(context: BuildContext, image: ImageRecord, region: string): Promise<string> {
  const { store, call, scope, log } = context
  const tags = describeTags(store.tags.of(image.id))
  const { ImageId: id = '' } = await call({ ...scope, region }, 'CopyImage', {
    Name: image.name,
    SourceImageId: image.id,
    SourceRegion: image.region,
    ...(image.description ? { Description: image.description } : {}),
    TagSpecifications: (['image', 'snapshot'] as const).map((type) => ({ ResourceType: type, Tags: tags })),
  })
  await waitFor(
    context,
    copyTimeoutMs,
    () => buildFailed(`${id} in ${region} is still not available`),
    () => {
      const copy = store.images.find(id)
      if (copy?.state === 'available') return true
      if (copy?.state === 'pending') return undefined
      throw buildFailed(`${id} in ${region} could not be made: ${copy?.stateReason?.message ?? 'it is gone'}`)
    },
  )
  log.say(`Copied to ${region}: ${id}`)
  return id
}

async function share({ call, scope, pipeline, log }: BuildContext, image: CopiedImage): Promise<void> {
  const { accountIds, isPublic } = pipeline.distribution
  await call({ ...scope, region: image.region }, 'ModifyImageAttribute', {
    ImageId: image.imageId,
    LaunchPermission: {
      Add: [...accountIds.map((UserId) => ({ UserId })), ...(isPublic ? [{ Group: 'all' as const }] : [])],
    },
  })
  log.say(`${image.imageId} may be launched by ${isPublic ? 'everyone' : accountIds.join(', ')}`)
}
