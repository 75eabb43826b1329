import type { Domain } from '../domain.ts'
import type { Ec2Mutation } from '../operation.ts'
import { findLivingInstance, requireStopped } from './find-instance.ts'
import { privateDnsOptionsOf } from './private-dns.ts'

/** ModifyPrivateDnsNameOptions: which names resolve, at once; what the instance calls itself, while it is stopped. */
export function modifyPrivateDnsNameOptions({ store, networks }: Domain): Ec2Mutation<'ModifyPrivateDnsNameOptions'> {
  return {
    kind: 'mutation',
    parameters: [
      'InstanceId',
      'PrivateDnsHostnameType',
      'EnableResourceNameDnsARecord',
      'EnableResourceNameDnsAAAARecord',
    ],
    apply: (context, input) => {
      const instance = findLivingInstance(store, context, input.InstanceId)
      const present = privateDnsOptionsOf(store, instance)
      const hostnameType = input.PrivateDnsHostnameType ?? present.hostnameType
      const hasResourceNameA = input.EnableResourceNameDnsARecord ?? present.hasResourceNameA
      const hasResourceNameAaaa = input.EnableResourceNameDnsAAAARecord ?? present.hasResourceNameAaaa
      // It took its name at its boot.
      if (hostnameType !== present.hostnameType) requireStopped(instance)
      store.instances.replace({ ...instance, privateDns: { hostnameType, hasResourceNameA, hasResourceNameAaaa } })
      context.afterCommit(() => networks.refreshSoon(instance.vpcId))
      return { Return: true }
    },
  }
}
