import type { Store } from '../ports/store.ts'
import { imageTag } from './image-tag.ts'
import type { ImageRecord } from './image.ts'

/** Whom servers of an image let in, as far as that is known: a tag says it, or what the image was made from. */
export function findLoginUser(store: Pick<Store, 'tags'>, image: ImageRecord): string | undefined {
  return store.tags.of(image.id).find(({ key }) => key === imageTag.loginUser)?.value ?? image.loginUser
}
