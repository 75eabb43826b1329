import type { ModifyImageAttributeRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import {
  invalidParameterCombination,
  invalidParameterValue,
  missingParameter,
  unsupportedOperation,
} from '../errors.ts'
import type { Ec2Mutation } from '../operation.ts'
import { changeSharing } from '../sharing.ts'
import { readSharingChange } from '../sharing-change.ts'
import { requirePublicImagesAllowed } from './block-public-access.ts'
import { requireImageDescription } from './image-description.ts'
import type { ImageRecord } from './image.ts'
import { saveImage } from './save-image.ts'
import { findOwnImage, requireAvailableImage } from './visible-image.ts'

const operation = 'ModifyImageAttribute'

/** ModifyImageAttribute: one attribute a call, in its own member or by `Attribute` with `Value` or `OperationType`. */
export function modifyImageAttribute(domain: Domain): Ec2Mutation<'ModifyImageAttribute'> {
  return {
    kind: 'mutation',
    parameters: [
      'ImageId',
      'Attribute',
      'Value',
      'Description',
      'ImdsSupport',
      'LaunchPermission',
      'OperationType',
      'UserIds',
      'UserGroups',
    ],
    apply: (context, input) => {
      const image = findOwnImage(domain, context, input.ImageId)
      const changed = applyChange(image, input)
      if (changed.sharing?.isPublic && !image.sharing?.isPublic) requirePublicImagesAllowed(domain.store, context)
      saveImage(domain, context, changed)
      return {}
    },
  }
}

function applyChange(image: ImageRecord, input: ModifyImageAttributeRequest): ImageRecord {
  switch (attributeOf(input)) {
    case 'description':
      return withDescription(image, input.Description?.Value ?? input.Value)
    case 'imdsSupport':
      return withImdsSupport(image, input.ImdsSupport?.Value ?? input.Value)
    case 'launchPermission':
      requireAvailableImage(image)
      return changeSharing(
        image,
        readSharingChange({
          operation,
          path: 'LaunchPermission',
          code: 'InvalidAMIAttributeItemValue',
          permission: input.LaunchPermission,
          operationType: input.OperationType,
          userIds: input.UserIds,
          groups: input.UserGroups,
        }),
      )
  }
}

const attributes = ['description', 'imdsSupport', 'launchPermission'] as const
type Attribute = (typeof attributes)[number]

/** Which attribute the call is about. Throws for none, for two, and for those that cannot be changed. */
function attributeOf(input: ModifyImageAttributeRequest): Attribute {
  const hasGrantees = (input.UserIds ?? []).length + (input.UserGroups ?? []).length > 0
  const named = input.Attribute === undefined ? undefined : readAttributeName(input.Attribute)
  const meant = attributes.filter(
    (attribute) =>
      attribute === named ||
      (attribute === 'description' && input.Description !== undefined) ||
      (attribute === 'imdsSupport' && input.ImdsSupport !== undefined) ||
      (attribute === 'launchPermission' && (input.LaunchPermission !== undefined || hasGrantees)),
  )
  const [attribute, other] = meant
  if (attribute === undefined) throw invalidParameterCombination('No attributes specified.')
  if (other !== undefined) throw invalidParameterCombination('Fields for multiple attribute types specified.')
  return attribute
}

function readAttributeName(name: string): Attribute {
  const known = attributes.find((attribute) => attribute === name)
  if (known !== undefined) return known
  if (name === 'productCodes') throw unsupportedOperation('Product codes of images are not supported by Kiln.')
  throw invalidParameterValue('attribute', name.slice(0, 80), 'It cannot be changed.')
}

function withDescription(image: ImageRecord, value: string | undefined): ImageRecord {
  if (value === undefined) throw missingParameter('Value')
  requireImageDescription(value)
  const { description: _description, ...rest } = image
  return value === '' ? rest : { ...rest, description: value }
}

/** EC2 takes it for good: an image cannot lose it again. */
function withImdsSupport(image: ImageRecord, value: string | undefined): ImageRecord {
  if (value === 'v2.0') return { ...image, imdsSupport: value }
  throw invalidParameterValue('imdsSupport', (value ?? '').slice(0, 80), 'Expected v2.0.')
}
