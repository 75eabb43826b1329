import type { InstanceRecord } from '../instance/instance.ts'
import type { Store } from '../ports/store.ts'
import { isInEffect } from './fault.ts'
import { listTargetedInterfaces } from './fault-target.ts'

/** Whether a fault has the metadata service answer this instance with errors now. */
export function isMetadataFailing(
  store: Pick<Store, 'faults' | 'interfaces'>,
  instance: InstanceRecord,
  now: Date,
): boolean {
  return store.faults.list(instance).some((fault) => {
    const { effect, targets } = fault
    if (effect.kind !== 'metadata' || effect.mode !== 'error' || !isInEffect(fault, now)) return false
    const targeted = [...listTargetedInterfaces(store, targets).values()]
    return targeted.some(({ attachment }) => attachment?.instanceId === instance.id)
  })
}
