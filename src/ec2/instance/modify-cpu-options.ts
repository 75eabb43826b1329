import type { Domain } from '../domain.ts'
import { missingParameter } from '../errors.ts'
import { requireNotHibernated } from '../hibernation/hibernation.ts'
import type { Ec2Mutation } from '../operation.ts'
import { readCpuOptions } from './cpu-options.ts'
import { findStoppedInstance } from './find-instance.ts'

/** ModifyInstanceCpuOptions: the cores and threads that the machine has from its next start on. */
export function modifyInstanceCpuOptions({ store, instanceTypes }: Domain): Ec2Mutation<'ModifyInstanceCpuOptions'> {
  return {
    kind: 'mutation',
    parameters: ['InstanceId', 'CoreCount', 'ThreadsPerCore'],
    apply: (context, { InstanceId: id, ...request }) => {
      const instance = findStoppedInstance(store, context, id)
      requireNotHibernated(instance, 'get other processors')
      const type = instanceTypes.get(instance.instanceType)
      const cpuOptions = readCpuOptions('ModifyInstanceCpuOptions', type, request)
      if (!cpuOptions) throw missingParameter('CoreCount')
      store.instances.replace({ ...instance, cpuOptions })
      return { InstanceId: instance.id, CoreCount: cpuOptions.coreCount, ThreadsPerCore: cpuOptions.threadsPerCore }
    },
  }
}
