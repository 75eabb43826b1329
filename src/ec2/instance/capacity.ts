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

/**
 * What the host has for further instances: what it may still promise, and of its memory not more than it has at the moment. Machines that are being
 * launched have hardly begun to take what is theirs of that.
 */
export function leftCapacity({
  store,
  instanceTypes,
  settings,
}: Pick<Domain, 'store' | 'instanceTypes' | 'settings'>): {
  vCpus: number
  memoryMib: number
  /** Whether it is the host's memory that is short, and not what may be promised. */
  isMemoryTaken: boolean
} {
  const used = usedCapacity({ store, instanceTypes })
  const beginning = [...store.instances.listBy('state', 'pending'), ...store.warmTemplates.listBy('state', 'making')]
  const begunMib = beginning.reduce((sum, { instanceType }) => sum + instanceTypes.get(instanceType).memoryMib, 0)
  const promisableMib = settings.memoryCapacityMib - used.memoryMib
  const availableMib = settings.availableMemoryMib() - begunMib
  return {
    vCpus: settings.vCpuCapacity - used.vCpus,
    memoryMib: Math.min(promisableMib, availableMib),
    isMemoryTaken: availableMib < promisableMib,
  }
}

/** How many more instances of a type fit. */
export function countFitting(domain: Pick<Domain, 'store' | 'instanceTypes' | 'settings'>, type: InstanceType): number {
  const left = leftCapacity(domain)
  return Math.max(0, Math.floor(Math.min(left.vCpus / type.vCpus, left.memoryMib / type.memoryMib)))
}

/** What there is, and what to do where that is too little. */
export function explainCapacity(domain: Pick<Domain, 'store' | 'instanceTypes' | 'settings'>): string {
  const { memoryMib, isMemoryTaken } = leftCapacity(domain)
  if (isMemoryTaken) {
    const advice = 'end programs or instances, or choose a smaller type.'
    return `It can give ${Math.max(0, memoryMib)} MiB of memory at the moment without having to swap: ${advice}`
  }
  const { vCpuCapacity, memoryCapacityMib } = domain.settings
  const advice = 'end instances, choose a smaller type, or raise capacity.* in the configuration.'
  return `It sells ${vCpuCapacity} vCPUs and ${memoryCapacityMib} MiB: ${advice}`
}
