import type { Store } from '../ports/store.ts'
import type { InstanceRecord } from './instance.ts'

const liveStates = ['pending', 'running', 'stopping', 'shutting-down'] as const

/** Those that have a machine, or may have one. */
export function listLiveInstances(store: Store): InstanceRecord[] {
  return liveStates.flatMap((state) => store.instances.listBy('state', state))
}
