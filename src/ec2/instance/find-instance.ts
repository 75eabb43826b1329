import { Ec2Error, incorrectInstanceState } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { InterfaceRecord } from '../network-interface/network-interface.ts'
import type { Scope, Store } from '../ports/store.ts'
import type { InstanceRecord } from './instance.ts'

/** The caller's instance of that id, in any state. Throws `…Malformed` and `…NotFound`. */
export function findInstance(store: Store, scope: Scope, id: string | undefined): InstanceRecord {
  return findOne('i', id ?? '', (known) => store.instances.get(scope, known))
}

/** One that is not at its end. Throws as findInstance, and IncorrectInstanceState. */
export function findLivingInstance(store: Store, scope: Scope, id: string | undefined): InstanceRecord {
  const instance = findInstance(store, scope, id)
  if (hasEnded(instance)) throw incorrectInstanceState(instance.id, 'modified')
  return instance
}

/** One whose machine may be changed, which is when it has none. Throws as findLivingInstance. */
export function findStoppedInstance(store: Store, scope: Scope, id: string | undefined): InstanceRecord {
  const instance = findLivingInstance(store, scope, id)
  requireStopped(instance)
  return instance
}

/** Throws IncorrectInstanceState for one that is not stopped. */
export function requireStopped({ id, state }: InstanceRecord): void {
  if (state === 'stopped') return
  throw new Ec2Error('IncorrectInstanceState', `The instance '${id}' is not in the 'stopped' state.`)
}

/**
 * The one interface of an instance. Throws InvalidInstanceID where there are several: then EC2 wants to be told which, by the operations of
 * network interfaces.
 */
export function requireSoleInterface(store: Store, { id }: InstanceRecord): InterfaceRecord {
  const [sole, ...others] = store.interfaces.listBy('attachment.instanceId', id)
  if (sole && others.length === 0) return sole
  throw new Ec2Error(
    'InvalidInstanceID',
    `There are ${sole ? 'multiple' : 'no'} interfaces attached to instance '${id}'. Please specify an interface ID for the operation instead.`,
  )
}

/** Whether an instance is terminated or about to be. */
export function hasEnded({ state }: InstanceRecord): boolean {
  return state === 'terminated' || state === 'shutting-down'
}
