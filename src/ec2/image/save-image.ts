import type { Domain } from '../domain.ts'
import type { MutationContext } from '../operation.ts'
import type { ImageRecord } from './image.ts'

/** Records a changed image, and on disk what it says of itself; inside a mutation. */
export function saveImage({ store, descriptionRefresher }: Domain, context: MutationContext, image: ImageRecord): void {
  store.images.replace(image)
  context.afterCommit(() => descriptionRefresher.refreshImage(image.id))
}
