import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import type { Ec2Mutation } from '../operation.ts'
import type { ImageRecord } from './image.ts'
import { saveImage } from './save-image.ts'
import { findOwnImage } from './visible-image.ts'

const cooldownMs = 24 * 60 * 60 * 1000

/** EC2's words for the protection of an image. */
export function describeProtection({ deregistrationProtection: protection }: ImageRecord): string {
  if (!protection || protection.disabledAt !== undefined) return 'disabled'
  return protection.hasCooldown ? 'enabled-with-cooldown' : 'enabled-without-cooldown'
}

/** Throws OperationNotPermitted for an image that is protected, or was within the last day and has a cooldown. */
export function requireUnprotected(image: ImageRecord, now: Date): void {
  const { deregistrationProtection: protection, id } = image
  if (!protection) return
  if (protection.disabledAt === undefined) {
    throw new Ec2Error(
      'OperationNotPermitted',
      `The image ${id} is protected from deregistration. Disable its deregistration protection first.`,
    )
  }
  const end = Date.parse(protection.disabledAt) + cooldownMs
  if (!protection.hasCooldown || now.getTime() >= end) return
  throw new Ec2Error(
    'OperationNotPermitted',
    `The image ${id} is in the cooldown of its deregistration protection until ${new Date(end).toISOString()}.`,
  )
}

export function enableImageDeregistrationProtection(
  domain: Domain,
): Ec2Mutation<'EnableImageDeregistrationProtection'> {
  return {
    kind: 'mutation',
    parameters: ['ImageId', 'WithCooldown'],
    apply: (context, input) => {
      const image: ImageRecord = {
        ...findOwnImage(domain, context, input.ImageId),
        deregistrationProtection: { hasCooldown: input.WithCooldown ?? false },
      }
      saveImage(domain, context, image)
      return { Return: describeProtection(image) }
    },
  }
}

export function disableImageDeregistrationProtection(
  domain: Domain,
): Ec2Mutation<'DisableImageDeregistrationProtection'> {
  return {
    kind: 'mutation',
    parameters: ['ImageId'],
    apply: (context, input) => {
      const image = findOwnImage(domain, context, input.ImageId)
      const protection = image.deregistrationProtection
      if (protection && protection.disabledAt === undefined) {
        saveImage(domain, context, {
          ...image,
          deregistrationProtection: { ...protection, disabledAt: context.now.toISOString() },
        })
      }
      return { Return: 'disabled' }
    },
  }
}
