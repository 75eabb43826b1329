import type { Domain } from '../domain.ts'
import { newId } from '../ids.ts'
import { addressesOf, type InterfaceRecord, withPublicIp } from '../network-interface/network-interface.ts'
import { findFreePublicIp, mayGetPublicIp } from '../network-interface/public-address.ts'
import type { Store } from '../ports/store.ts'
import type { AddressRecord } from './address.ts'

/**
 * Lets an elastic address stand for a private address of an interface, in both records. What stood for that one before does no longer:
 * an address that a start had given goes back, an elastic one stays allocated. Answers the association's id.
 */
export function bindAddress(
  { store, random }: Pick<Domain, 'store' | 'random'>,
  address: AddressRecord,
  networkInterface: InterfaceRecord,
  privateIp: string,
): string {
  const { id: allocationId, publicIp } = address
  const associationId = newId('eipassoc', random)
  unbindAddress(store, address)
  const target = store.interfaces.find(networkInterface.id) ?? networkInterface
  const former = addressesOf(target).find((candidate) => candidate.privateIp === privateIp)?.elasticIp
  const formerAddress = former && store.addresses.find(former.allocationId)
  if (formerAddress) unbindAddress(store, formerAddress)
  const association = { id: associationId, interfaceId: target.id, privateIp }
  store.addresses.replace({ ...address, association })
  const present = store.interfaces.find(target.id) ?? target
  store.interfaces.replace(withPublicIp(present, privateIp, { publicIp, elasticIp: { allocationId, associationId } }))
  return associationId
}

/** Lets an elastic address stand for nobody. Answers the interface that it stood for. */
export function unbindAddress(store: Store, address: AddressRecord): InterfaceRecord | undefined {
  const { association, ...rest } = address
  if (!association) return undefined
  store.addresses.replace(rest)
  const bound = store.interfaces.find(association.interfaceId)
  if (!bound) return undefined
  const freed = withPublicIp(bound, association.privateIp, undefined)
  store.interfaces.replace(freed)
  return freed
}

/** Lets every elastic address of an interface that goes away stand for nobody. */
export function unbindAllAddresses(store: Store, interfaceId: string): void {
  for (const address of store.addresses.listBy('association.interfaceId', interfaceId)) unbindAddress(store, address)
}

/** A running instance that was launched with a public address gets another one when it loses its elastic one, as on EC2. */
export function replaceLostAddress({ store, settings }: Pick<Domain, 'store' | 'settings'>, interfaceId: string): void {
  const record = store.interfaces.find(interfaceId)
  const instance = record?.attachment && store.instances.find(record.attachment.instanceId)
  if (!record || record.publicIp || instance?.state !== 'running' || !mayGetPublicIp(store, record)) return
  store.interfaces.replace({ ...record, publicIp: findFreePublicIp(store, settings.publicCidr) })
}
