import type { Domain } from '../domain.ts'
import { newId } from '../ids.ts'
import type { InstanceType } from '../instance-type/instance-type.ts'
import type { InterfaceAttachment, InterfaceRecord } from './network-interface.ts'

/** A new attachment with its id. */
export function attachmentOf(
  { random }: Pick<Domain, 'random'>,
  draft: Omit<InterfaceAttachment, 'id'>,
): InterfaceAttachment {
  return { id: newId('eni-attach', random), ...draft }
}

/** The type of the instance that an interface is attached to, which limits its addresses; undefined for one that no instance has. */
export function typeOfHolder(
  { store, instanceTypes }: Pick<Domain, 'store' | 'instanceTypes'>,
  { attachment }: InterfaceRecord,
): InstanceType | undefined {
  const instance = attachment && store.instances.find(attachment.instanceId)
  return instance && instanceTypes.get(instance.instanceType)
}
