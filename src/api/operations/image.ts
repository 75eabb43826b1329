import type { Domain } from '../../ec2/domain.ts'
import { createImage } from '../../ec2/image/create-image.ts'
import { deregisterImage } from '../../ec2/image/deregister-image.ts'
import { describeImages } from '../../ec2/image/describe-images.ts'
import { registerImage } from '../../ec2/image/register-image.ts'
import type { AnyOperation } from '../dispatch.ts'

export function imageOperations(domain: Domain) {
  return {
    DescribeImages: describeImages(domain),
    CreateImage: createImage(domain),
    RegisterImage: registerImage(domain),
    DeregisterImage: deregisterImage(domain),
  } satisfies Record<string, AnyOperation>
}
