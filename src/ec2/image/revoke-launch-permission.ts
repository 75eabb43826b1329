import type { Domain } from '../domain.ts'
import { Ec2Error, missingParameter } from '../errors.ts'
import type { Ec2Mutation } from '../operation.ts'
import { changeSharing, withoutSharing } from '../sharing.ts'
import { saveImage } from './save-image.ts'
import { findOwnImage, findVisibleImage } from './visible-image.ts'

/** ResetImageAttribute: the launch permission is the one attribute that it knows; the image is its owner's alone again. */
export function resetImageAttribute(domain: Domain): Ec2Mutation<'ResetImageAttribute'> {
  return {
    kind: 'mutation',
    parameters: ['ImageId', 'Attribute'],
    apply: (context, input) => {
      if (input.Attribute === undefined) throw missingParameter('Attribute')
      saveImage(domain, context, withoutSharing(findOwnImage(domain, context, input.ImageId)))
      return {}
    },
  }
}

/** CancelImageLaunchPermission: the caller gives back what another account has let it launch. */
export function cancelImageLaunchPermission(domain: Domain): Ec2Mutation<'CancelImageLaunchPermission'> {
  return {
    kind: 'mutation',
    parameters: ['ImageId'],
    apply: (context, input) => {
      const image = findVisibleImage(domain.store, context, input.ImageId)
      if (image.accountId === context.accountId || !image.sharing?.accountIds.includes(context.accountId)) {
        throw new Ec2Error(
          'OperationNotPermitted',
          `The image ${image.id} was not shared with the account ${context.accountId} by another one.`,
        )
      }
      const caller = { accountIds: [context.accountId], hasAll: false }
      saveImage(domain, context, changeSharing(image, { added: { accountIds: [], hasAll: false }, removed: caller }))
      return { Return: true }
    },
  }
}
