import { unbindAllAddresses } from '../address/association.ts'
import { forgetFlowLogsOf } from '../flow-log/delete-flow-logs.ts'
import type { Store } from '../ports/store.ts'
import type { InterfaceRecord } from './network-interface.ts'

/** Forgets an interface with its tags; elastic addresses stay allocated. */
export function removeInterface(store: Store, { id }: InterfaceRecord): void {
  unbindAllAddresses(store, id)
  store.interfaces.remove(id)
  forgetFlowLogsOf(store, id)
  store.tags.removeAll(id)
}
