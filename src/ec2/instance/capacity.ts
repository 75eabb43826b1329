import type { Domain } from '../domain.ts'
import type { InstanceType } from '../instance-type/instance-type.ts'

/** How much of the host is promised to instances that run or are about to, and to templates that are being made. */
export function usedCapacity({ store, instanceTypes }: Pick<Domain, 'store' | 'instanceTypes'>): {
  vCpus: number
  memoryMib: number
} {
  let vCpus = 0
  let memoryMib = 0
  for (const state of ['pending', 'running', 'stopping', 'shutting-down']) {
    for (const instance of store.instances.listBy('state', state)) {
      const type = instanceTypes.get(instance.instanceType)
      vCpus += type.vCpus
      memoryMib += type.memoryMib
    }
  }
  for (const template of store.warmTemplates.listBy('state', 'making')) {
    const type = instanceTypes.get(template.instanceType)
    vCpus += type.vCpus
    memoryMib += type.memoryMib
  }
  return { vCpus, memoryMib }
}

/** How many more instances of a type fit. */
export function countFitting(domain: Pick<Domain, 'store' | 'instanceTypes' | 'settings'>, type: InstanceType): number {
  const used = usedCapacity(domain)
  const { vCpuCapacity, memoryCapacityMib } = domain.settings
  const byCpu = Math.floor((vCpuCapacity - used.vCpus) / type.vCpus)
  const byMemory = Math.floor((memoryCapacityMib - used.memoryMib) / type.memoryMib)
  return Math.max(0, Math.min(byCpu, byMemory))
}
