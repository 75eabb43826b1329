import { defineAccountSetting } from '../account-setting.ts'
import type { Domain } from '../domain.ts'
import { Ec2Error, missingParameter } from '../errors.ts'
import type { CallContext, Ec2Mutation, Ec2Query } from '../operation.ts'
import { describeCriterion, type ImageCriterion, meetsCriterion, readImageCriteria } from './image-criteria.ts'
import { ownerAliasOf } from './image-category.ts'
import type { ImageRecord } from './image.ts'

/** Which images of other accounts an account may find and launch in a region ("Allowed AMIs"). */
const allowedImages = defineAccountSetting<{
  state: 'disabled' | 'audit-mode' | 'enabled'
  criteria: readonly ImageCriterion[]
}>('allowed-images', { state: 'disabled', criteria: [] })

/** What the setting makes of images: EC2's `ImageAllowed`, absent while it is disabled, and whether the image is out of reach. */
export interface ImageAllowance {
  isAllowed(image: ImageRecord): boolean | undefined
  isHidden(image: ImageRecord): boolean
}

/** The caller's allowance, read once a call. An account's own images are always allowed; without criteria nothing else is. */
export function readImageAllowance(
  domain: Pick<Domain, 'store' | 'marketplace'>,
  context: Pick<CallContext, 'accountId' | 'region' | 'now'>,
): ImageAllowance {
  const { state, criteria } = allowedImages.get(domain.store, context)
  const meets = (image: ImageRecord) =>
    image.accountId === context.accountId ||
    criteria.some((criterion) => meetsCriterion(image, ownerAliasOf(domain, image), criterion, context.now))
  return {
    isAllowed: (image) => (state === 'disabled' ? undefined : meets(image)),
    isHidden: (image) => state === 'enabled' && !meets(image),
  }
}

/** Throws for an image that the caller's Allowed AMIs settings keep it from launching. */
export function requireAllowedImage(
  domain: Pick<Domain, 'store' | 'marketplace'>,
  context: CallContext,
  image: ImageRecord,
): void {
  if (!readImageAllowance(domain, context).isHidden(image)) return
  throw new Ec2Error(
    'InvalidAMIID.NotFound',
    `The image id '[${image.id}]' does not exist. It may be prohibited by the Allowed AMIs settings of the account: GetAllowedImagesSettings tells them.`,
  )
}

export function getAllowedImagesSettings({ store }: Domain): Ec2Query<'GetAllowedImagesSettings'> {
  return {
    kind: 'query',
    parameters: [],
    answer: (context) => {
      const { state, criteria } = allowedImages.get(store, context)
      return { State: state, ImageCriteria: criteria.map(describeCriterion), ManagedBy: 'account' }
    },
  }
}

export function enableAllowedImagesSettings({ store }: Domain): Ec2Mutation<'EnableAllowedImagesSettings'> {
  return {
    kind: 'mutation',
    parameters: ['AllowedImagesSettingsState'],
    apply: (context, { AllowedImagesSettingsState: state }) => {
      if (state === undefined) throw missingParameter('AllowedImagesSettingsState')
      allowedImages.put(store, context, { ...allowedImages.get(store, context), state })
      return { AllowedImagesSettingsState: state }
    },
  }
}

/** DisableAllowedImagesSettings: the criteria stay for the next time. */
export function disableAllowedImagesSettings({ store }: Domain): Ec2Mutation<'DisableAllowedImagesSettings'> {
  return {
    kind: 'mutation',
    parameters: [],
    apply: (context) => {
      allowedImages.put(store, context, { ...allowedImages.get(store, context), state: 'disabled' })
      return { AllowedImagesSettingsState: 'disabled' }
    },
  }
}

/** ReplaceImageCriteriaInAllowedImagesSettings: all of them at once; none takes them away. */
export function replaceImageCriteria({ store }: Domain): Ec2Mutation<'ReplaceImageCriteriaInAllowedImagesSettings'> {
  return {
    kind: 'mutation',
    parameters: ['ImageCriteria'],
    apply: (context, input) => {
      const criteria = readImageCriteria(input.ImageCriteria)
      allowedImages.put(store, context, { ...allowedImages.get(store, context), criteria })
      return { ReturnValue: true }
    },
  }
}
