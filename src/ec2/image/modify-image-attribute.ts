import type { ModifyImageAttributeRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import { requireShareable } from '../encryption/require-shareable.ts'
import type { Ec2Mutation } from '../operation.ts'
import type { Store } from '../ports/store.ts'
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
      'ProductCodes',
    ],
    apply: (context, input) => {
      const image = findOwnImage(domain, context, input.ImageId)
      const changed = applyChange(domain, image, input)
      if (changed.sharing?.isPublic && !image.sharing?.isPublic) requirePublicImagesAllowed(domain.store, context)
      saveImage(domain, context, changed)
      return {}
    },
  }
}

function applyChange(domain: Domain, image: ImageRecord, input: ModifyImageAttributeRequest): ImageRecord {
  switch (attributeOf(input)) {
    case 'description':
      return withDescription(image, input.Description?.Value ?? input.Value)
    case 'imdsSupport':
      return withImdsSupport(image, input.ImdsSupport?.Value ?? input.Value)
    case 'productCodes':
      return withOwnProducts(domain, image, input)
    case 'launchPermission':
      requireAvailableImage(image)
      return changeLaunchPermission(domain.store, image, input)
  }
}

function changeLaunchPermission(store: Store, image: ImageRecord, input: ModifyImageAttributeRequest): ImageRecord {
  const change = readSharingChange({
    operation,
    path: 'LaunchPermission',
    code: 'InvalidAMIAttributeItemValue',
    permission: input.LaunchPermission,
    operationType: input.OperationType,
    userIds: input.UserIds,
    groups: input.UserGroups,
  })
  const snapshots = image.blockDevices.flatMap(({ snapshotId }) => store.snapshots.find(snapshotId) ?? [])
  requireShareable(image, change, snapshots)
  return changeSharing(image, change)
}

const attributes = ['description', 'imdsSupport', 'productCodes', 'launchPermission'] as const
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
      (attribute === 'productCodes' && input.ProductCodes !== undefined) ||
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
  throw invalidParameterValue('attribute', name.slice(0, 80), 'It cannot be changed.')
}

function withDescription(image: ImageRecord, value: string | undefined): ImageRecord {
  if (value === undefined) throw missingParameter('Value')
  requireImageDescription(value)
  const { description: _description, ...rest } = image
  return value === '' ? rest : { ...rest, description: value }
}

/** Only the publisher of a product puts its code on an image of its own, and for good. */
function withOwnProducts(
  { marketplace }: Domain,
  image: ImageRecord,
  { ProductCodes: codes = [], OperationType: type }: ModifyImageAttributeRequest,
): ImageRecord {
  if (codes.length === 0) throw missingParameter('ProductCode')
  if (type === 'remove') throw invalidParameterValue('operationType', type, 'Product codes cannot be removed.')
  const stranger = codes.find((code) => marketplace.findByCode(code)?.publisher.accountId !== image.accountId)
  if (stranger === undefined) return { ...image, ...withProductCodes(image.productCodes, codes) }
  throw new Ec2Error(
    'InvalidAMIAttributeItemValue',
    `Invalid attribute item value "${stranger.slice(0, 80)}" for productCode item type: it is no product of the account ${image.accountId} in the marketplace.`,
  )
}

/** EC2 takes it for good: an image cannot lose it again. */
function withImdsSupport(image: ImageRecord, value: string | undefined): ImageRecord {
  if (value === 'v2.0') return { ...image, imdsSupport: value }
  throw invalidParameterValue('imdsSupport', (value ?? '').slice(0, 80), 'Expected v2.0.')
}
