import type { ImageAttribute } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, missingParameter } from '../errors.ts'
import { describeProductCodes } from '../marketplace/product-code.ts'
import type { Ec2Query } from '../operation.ts'
import { describeSharing } from '../sharing.ts'
import { describeProtection } from './deregistration-protection.ts'
import type { ImageRecord } from './image.ts'
import { findOwnImage } from './visible-image.ts'

type Attribute = NonNullable<Parameters<Ec2Query<'DescribeImageAttribute'>['answer']>[1]['Attribute']>

/** DescribeImageAttribute: for the owner of the image. */
export function describeImageAttribute(domain: Domain): Ec2Query<'DescribeImageAttribute'> {
  return {
    kind: 'query',
    parameters: ['ImageId', 'Attribute'],
    answer: (context, input) => {
      if (input.Attribute === undefined) throw missingParameter('Attribute')
      const image = findOwnImage(domain, context, input.ImageId)
      return { ImageId: image.id, ...readAttribute(image, input.Attribute) }
    },
  }
}

/** What an image does not have is an empty element. */
function readAttribute(image: ImageRecord, attribute: Attribute): ImageAttribute {
  switch (attribute) {
    case 'description':
      return { Description: valueOf(image.description) }
    case 'launchPermission':
      return { LaunchPermissions: describeSharing(image) }
    case 'productCodes':
      return { ProductCodes: describeProductCodes(image.productCodes) }
    case 'kernel':
      return { KernelId: {} }
    case 'ramdisk':
      return { RamdiskId: {} }
    case 'sriovNetSupport':
      return { SriovNetSupport: { Value: 'simple' } }
    case 'bootMode':
      return { BootMode: { Value: image.bootMode } }
    case 'tpmSupport':
      return { TpmSupport: valueOf(image.tpmSupport) }
    case 'uefiData':
      return { UefiData: valueOf(image.uefiData) }
    case 'lastLaunchedTime':
      return { LastLaunchedTime: valueOf(image.lastLaunchedTime) }
    case 'imdsSupport':
      return { ImdsSupport: valueOf(image.imdsSupport) }
    case 'deregistrationProtection':
      return { DeregistrationProtection: { Value: describeProtection(image) } }
    case 'blockDeviceMapping':
      // EC2 has answered this one so ever since DescribeImages tells the mapping.
      throw new Ec2Error('AuthFailure', 'Unauthorized attempt to access restricted resource', 403)
  }
}

function valueOf(value: string | undefined): { Value?: string } {
  return value === undefined ? {} : { Value: value }
}
