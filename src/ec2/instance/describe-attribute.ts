import type { Domain } from '../domain.ts'
import { unsupportedOperation } from '../errors.ts'
import { describeProductCodes } from '../marketplace/product-code.ts'
import type { Ec2Query } from '../operation.ts'
import { describeGroups } from './describe-instance.ts'
import { findInstance, requireSoleInterface } from './find-instance.ts'

/** One attribute of an instance, in EC2's shape. */
export function describeInstanceAttribute(domain: Domain): Ec2Query<'DescribeInstanceAttribute'> {
  const { store } = domain
  return {
    kind: 'query',
    parameters: ['InstanceId', 'Attribute'],
    answer: (context, input) => {
      const instance = findInstance(store, context, input.InstanceId)
      const base = { InstanceId: instance.id }
      switch (input.Attribute) {
        case 'instanceType':
          return { ...base, InstanceType: { Value: instance.instanceType } }
        case 'userData':
          return { ...base, UserData: instance.userData === undefined ? {} : { Value: instance.userData } }
        case 'disableApiTermination':
          return { ...base, DisableApiTermination: { Value: instance.hasTerminationProtection } }
        case 'disableApiStop':
          return { ...base, DisableApiStop: { Value: instance.hasStopProtection } }
        case 'instanceInitiatedShutdownBehavior':
          return { ...base, InstanceInitiatedShutdownBehavior: { Value: instance.shutdownBehavior } }
        case 'rootDeviceName':
          return { ...base, RootDeviceName: { Value: instance.rootDeviceName } }
        case 'ebsOptimized':
          return { ...base, EbsOptimized: { Value: instance.isEbsOptimized } }
        case 'enaSupport':
          return { ...base, EnaSupport: { Value: true } }
        case 'sourceDestCheck':
          return { ...base, SourceDestCheck: { Value: requireSoleInterface(store, instance).hasSourceDestCheck } }
        case 'groupSet':
          return { ...base, Groups: describeGroups(store, requireSoleInterface(store, instance).groupIds) }
        case 'blockDeviceMapping':
          return {
            ...base,
            BlockDeviceMappings: store.volumes
              .listBy('attachment.instanceId', instance.id)
              .map(({ id, attachment }) => ({
                DeviceName: attachment?.deviceName,
                Ebs: {
                  VolumeId: id,
                  Status: attachment?.state,
                  AttachTime: new Date(attachment?.attachTime ?? instance.launchTime),
                  DeleteOnTermination: attachment?.deleteOnTermination,
                },
              })),
          }
        case 'productCodes':
          return { ...base, ProductCodes: describeProductCodes(instance.productCodes) }
        case 'kernel':
          return { ...base, KernelId: {} }
        case 'ramdisk':
          return { ...base, RamdiskId: {} }
        case 'sriovNetSupport':
          return { ...base, SriovNetSupport: {} }
        case 'enclaveOptions':
          return { ...base, EnclaveOptions: { Enabled: false } }
        default:
          throw unsupportedOperation(`The instance attribute ${String(input.Attribute)} is not supported by Kiln.`)
      }
    },
  }
}
