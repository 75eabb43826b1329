import { unbindAllAddresses } from '../address/association.ts'
import type { Store } from '../ports/store.ts'
import type { InterfaceRecord } from './network-interface.ts'

/** Forgets an interface with its tags; elastic addresses stay allocated. */
export function removeInterface(store: Store, { id }: InterfaceRecord): void {
  unbindAllAddresses(store, id)
  store.interfaces.remove(id)
  store.tags.removeAll(id)
}
