import type { ImageAncestryEntry } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import type { Ec2Query } from '../operation.ts'
import type { Scope, Store } from '../ports/store.ts'
import type { ImageRecord } from './image.ts'
import { findVisibleImage, visibleImages } from './visible-image.ts'

/** GetImageAncestry: the image, what it was made of, and so on, as far as the caller may see. */
export function getImageAncestry({ store }: Domain): Ec2Query<'GetImageAncestry'> {
  return {
    kind: 'query',
    parameters: ['ImageId'],
    answer: (context, input) => ({
      ImageAncestryEntries: ancestorsOf(store, context, findVisibleImage(store, context, input.ImageId)).map(
        describeEntry,
      ),
    }),
  }
}

/** The image, what it was made of, and so on, as far as an account may see. */
export function ancestorsOf(store: Store, scope: Scope, image: ImageRecord): ImageRecord[] {
  const chain: ImageRecord[] = []
  for (let next: ImageRecord | undefined = image; next; ) {
    const { sourceImageId, sourceImageRegion = scope.region }: ImageRecord = next
    chain.push(next)
    next =
      sourceImageId === undefined
        ? undefined
        : visibleImages(store).get({ accountId: scope.accountId, region: sourceImageRegion }, sourceImageId)
  }
  return chain
}

function describeEntry({ id, creationDate, sourceImageId, sourceImageRegion }: ImageRecord): ImageAncestryEntry {
  return {
    ImageId: id,
    CreationDate: new Date(creationDate),
    SourceImageId: sourceImageId,
    SourceImageRegion: sourceImageRegion,
  }
}
