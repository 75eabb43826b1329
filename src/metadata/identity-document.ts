import type { InstanceMetadata } from '../ec2/ports/metadata.ts'
import { timeOf } from './node.ts'

/** `dynamic/instance-identity/document`. */
export function identityDocument(instance: InstanceMetadata): string {
  const document = {
    accountId: instance.accountId,
    architecture: instance.architecture,
    availabilityZone: instance.availabilityZone,
    billingProducts: null,
    devpayProductCodes: null,
    marketplaceProductCodes: instance.productCodes ?? null,
    imageId: instance.imageId,
    instanceId: instance.instanceId,
    instanceType: instance.instanceType,
    kernelId: null,
    pendingTime: timeOf(instance.launchTime),
    privateIp: instance.privateIp,
    ramdiskId: null,
    region: instance.region,
    version: '2017-09-30',
  }
  return JSON.stringify(document, undefined, 2)
}
