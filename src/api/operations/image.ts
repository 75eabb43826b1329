import type { Domain } from '../../ec2/domain.ts'
import { describeFastLaunchImages } from '../../ec2/fast-launch/describe-fast-launch-images.ts'
import { disableFastLaunch, enableFastLaunch } from '../../ec2/fast-launch/enable-fast-launch.ts'
import {
  disableAllowedImagesSettings,
  enableAllowedImagesSettings,
  getAllowedImagesSettings,
  replaceImageCriteria,
} from '../../ec2/image/allowed-images.ts'
import {
  disableImageBlockPublicAccess,
  enableImageBlockPublicAccess,
  getImageBlockPublicAccessState,
} from '../../ec2/image/block-public-access.ts'
import { copyImage } from '../../ec2/image/copy-image.ts'
import { createImage } from '../../ec2/image/create-image.ts'
import { deregisterImage } from '../../ec2/image/deregister-image.ts'
import {
  disableImageDeregistrationProtection,
  enableImageDeregistrationProtection,
} from '../../ec2/image/deregistration-protection.ts'
import { describeImageAttribute } from '../../ec2/image/describe-image-attribute.ts'
import { describeImages } from '../../ec2/image/describe-images.ts'
import { disableImage, enableImage } from '../../ec2/image/disable-image.ts'
import { getImageAncestry } from '../../ec2/image/image-ancestry.ts'
import { disableImageDeprecation, enableImageDeprecation } from '../../ec2/image/image-deprecation.ts'
import { describeImageReferences } from '../../ec2/image/image-references.ts'
import { describeInstanceImageMetadata } from '../../ec2/image/instance-image-metadata.ts'
import { modifyImageAttribute } from '../../ec2/image/modify-image-attribute.ts'
import { registerImage } from '../../ec2/image/register-image.ts'
import { cancelImageLaunchPermission, resetImageAttribute } from '../../ec2/image/revoke-launch-permission.ts'
import { confirmProductInstance } from '../../ec2/marketplace/confirm-product-instance.ts'
import type { AnyOperation } from '../dispatch.ts'

export function imageOperations(domain: Domain) {
  return {
    DescribeImages: describeImages(domain),
    CreateImage: createImage(domain),
    RegisterImage: registerImage(domain),
    CopyImage: copyImage(domain),
    DeregisterImage: deregisterImage(domain),
    DescribeImageAttribute: describeImageAttribute(domain),
    ModifyImageAttribute: modifyImageAttribute(domain),
    ResetImageAttribute: resetImageAttribute(domain),
    ConfirmProductInstance: confirmProductInstance(domain),
    CancelImageLaunchPermission: cancelImageLaunchPermission(domain),
    EnableImage: enableImage(domain),
    DisableImage: disableImage(domain),
    EnableImageDeprecation: enableImageDeprecation(domain),
    DisableImageDeprecation: disableImageDeprecation(domain),
    EnableImageDeregistrationProtection: enableImageDeregistrationProtection(domain),
    DisableImageDeregistrationProtection: disableImageDeregistrationProtection(domain),
    GetImageAncestry: getImageAncestry(domain),
    DescribeImageReferences: describeImageReferences(domain),
    DescribeInstanceImageMetadata: describeInstanceImageMetadata(domain),
    GetImageBlockPublicAccessState: getImageBlockPublicAccessState(domain),
    EnableImageBlockPublicAccess: enableImageBlockPublicAccess(domain),
    DisableImageBlockPublicAccess: disableImageBlockPublicAccess(domain),
    EnableFastLaunch: enableFastLaunch(domain),
    DisableFastLaunch: disableFastLaunch(domain),
    DescribeFastLaunchImages: describeFastLaunchImages(domain),
    GetAllowedImagesSettings: getAllowedImagesSettings(domain),
    EnableAllowedImagesSettings: enableAllowedImagesSettings(domain),
    DisableAllowedImagesSettings: disableAllowedImagesSettings(domain),
    ReplaceImageCriteriaInAllowedImagesSettings: replaceImageCriteria(domain),
  } satisfies Record<string, AnyOperation>
}
