import type { Domain } from '../domain.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { withoutSharing } from '../sharing.ts'
import type { ImageRecord } from './image.ts'
import { saveImage } from './save-image.ts'
import { findOwnImage, requireAvailableImage } from './visible-image.ts'

/** DisableImage: the image launches nothing and is its owner's alone; whom it was shared with lose it for good. */
export function disableImage(domain: Domain): Ec2Mutation<'DisableImage'> {
  return {
    kind: 'mutation',
    parameters: ['ImageId'],
    apply: (context, input) => {
      const image = findOwnImage(domain, context, input.ImageId)
      if (image.state !== 'disabled') {
        requireAvailableImage(image)
        saveState(domain, context, { ...withoutSharing(image), state: 'disabled' })
      }
      return { Return: true }
    },
  }
}

/** EnableImage: takes DisableImage back. */
export function enableImage(domain: Domain): Ec2Mutation<'EnableImage'> {
  return {
    kind: 'mutation',
    parameters: ['ImageId'],
    apply: (context, input) => {
      const image = findOwnImage(domain, context, input.ImageId)
      if (image.state === 'disabled') saveState(domain, context, { ...image, state: 'available' })
      return { Return: true }
    },
  }
}

function saveState(domain: Domain, context: MutationContext, image: ImageRecord): void {
  saveImage(domain, context, image)
  domain.events.publish({
    kind: 'image-state-change',
    resourceId: image.id,
    message: `${image.id} (${image.name}) is ${image.state}`,
  })
}
