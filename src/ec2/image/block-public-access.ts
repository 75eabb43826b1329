import { defineAccountSetting } from '../account-setting.ts'
import type { Domain } from '../domain.ts'
import { Ec2Error, missingParameter } from '../errors.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import type { Scope, Store } from '../ports/store.ts'

/** Whether an account's AMIs in a region may be made public; EC2 begins new accounts with that blocked ("Block public access for AMIs"). */
const imageBlockPublicAccess = defineAccountSetting<{ state: 'block-new-sharing' | 'unblocked' }>(
  'image-block-public-access',
  { state: 'block-new-sharing' },
)

/** Throws OperationNotPermitted when the account may make no AMI public. */
export function requirePublicImagesAllowed(store: Store, scope: Scope): void {
  if (imageBlockPublicAccess.get(store, scope).state === 'unblocked') return
  throw new Ec2Error(
    'OperationNotPermitted',
    'You can’t publicly share this image because block public access for AMIs is enabled for this account. To publicly share the image, you must call the DisableImageBlockPublicAccess API.',
  )
}

export function getImageBlockPublicAccessState({ store }: Domain): Ec2Query<'GetImageBlockPublicAccessState'> {
  return {
    kind: 'query',
    parameters: [],
    answer: (context) => ({
      ImageBlockPublicAccessState: imageBlockPublicAccess.get(store, context).state,
      ManagedBy: 'account',
    }),
  }
}

export function enableImageBlockPublicAccess({ store }: Domain): Ec2Mutation<'EnableImageBlockPublicAccess'> {
  return {
    kind: 'mutation',
    parameters: ['ImageBlockPublicAccessState'],
    apply: (context, { ImageBlockPublicAccessState: state }) => {
      if (state === undefined) throw missingParameter('ImageBlockPublicAccessState')
      imageBlockPublicAccess.put(store, context, { state })
      return { ImageBlockPublicAccessState: state }
    },
  }
}

export function disableImageBlockPublicAccess({ store }: Domain): Ec2Mutation<'DisableImageBlockPublicAccess'> {
  return {
    kind: 'mutation',
    parameters: [],
    apply: (context) => {
      imageBlockPublicAccess.put(store, context, { state: 'unblocked' })
      return { ImageBlockPublicAccessState: 'unblocked' }
    },
  }
}
