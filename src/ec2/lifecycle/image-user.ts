import type { ImageRecord } from '../image/image.ts'
import { versionsOf } from '../launch-template/launch-template.ts'
import type { Store } from '../ports/store.ts'

/** An instance, of whatever account, or a launch template of its owner's, that uses an image; undefined when nobody does. */
export function findImageUser(store: Store, image: ImageRecord): string | undefined {
  const instance = store.instances.listBy('imageId', image.id).find(({ state }) => state !== 'terminated')
  if (instance) return instance.id
  return store.launchTemplates
    .list(image)
    .find((template) => versionsOf(store, template).some(({ data }) => data.ImageId === image.id))?.id
}
