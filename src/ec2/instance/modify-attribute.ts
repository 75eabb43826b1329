import type { ModifyInstanceAttributeRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { invalidParameterCombination } from '../errors.ts'
import type { Ec2Mutation } from '../operation.ts'
import { attributeChanges } from './attribute-change.ts'
import { spellOutAttribute } from './attribute-name.ts'
import { findLivingInstance, requireStopped } from './find-instance.ts'

/** ModifyInstanceAttribute: exactly one attribute a call, named or by its `Attribute` and `Value`. */
export function modifyInstanceAttribute(domain: Domain): Ec2Mutation<'ModifyInstanceAttribute'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: [
      'InstanceId',
      'Attribute',
      'Value',
      ...(Object.keys(attributeChanges) as (keyof ModifyInstanceAttributeRequest)[]),
    ],
    apply: (context, input) => {
      const instance = findLivingInstance(store, context, input.InstanceId)
      const request = spellOutAttribute(input)
      const [change, ...others] = Object.entries(attributeChanges)
        .filter(([name]) => request[name as keyof ModifyInstanceAttributeRequest] !== undefined)
        .map(([, candidate]) => candidate)
      if (!change) throw invalidParameterCombination('No attributes specified.')
      if (others.length > 0) throw invalidParameterCombination('Fields for multiple attribute types specified')
      if (change.isStoppedOnly) requireStopped(instance)
      store.instances.replace(change.apply(domain, context, instance, request))
      return {}
    },
  }
}
