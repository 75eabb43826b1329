import type { Domain } from '../domain.ts'
import { invalidParameterValue } from '../errors.ts'
import type { Ec2Mutation } from '../operation.ts'
import { setSourceDestCheck } from './attribute-change.ts'
import { findLivingInstance, requireStopped } from './find-instance.ts'

/** ResetInstanceAttribute: the three that EC2 resets. No instance has a kernel or RAM disk of its own, so those are as they were made. */
export function resetInstanceAttribute(domain: Domain): Ec2Mutation<'ResetInstanceAttribute'> {
  return {
    kind: 'mutation',
    parameters: ['InstanceId', 'Attribute'],
    apply: (context, input) => {
      const instance = findLivingInstance(domain.store, context, input.InstanceId)
      switch (input.Attribute) {
        case 'sourceDestCheck':
          setSourceDestCheck(domain, context, instance, true)
          return {}
        case 'kernel':
        case 'ramdisk':
          requireStopped(instance)
          return {}
        default:
          throw invalidParameterValue(
            'attribute',
            input.Attribute,
            'Only kernel, ramdisk and sourceDestCheck can be reset.',
          )
      }
    },
  }
}
