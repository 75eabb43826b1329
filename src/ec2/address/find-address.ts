import { Ec2Error, invalidParameterCombination } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { Scope, Store } from '../ports/store.ts'
import type { AddressRecord } from './address.ts'

/** The elastic address that an operation names by its allocation or by itself; undefined when it names none. */
export function findAddress(
  store: Store,
  scope: Scope,
  input: { AllocationId?: string | undefined; PublicIp?: string | undefined },
): AddressRecord | undefined {
  const { AllocationId: allocationId, PublicIp: publicIp } = input
  if (allocationId && publicIp) {
    throw invalidParameterCombination('You may specify public IP or allocation id, but not both in the same call')
  }
  if (allocationId) return findOne('eipalloc', allocationId, (id) => store.addresses.get(scope, id))
  if (!publicIp) return undefined
  const found = findByPublicIp(store, scope, publicIp)
  if (!found) throw new Ec2Error('AuthFailure', `The address '${publicIp.slice(0, 80)}' does not belong to you.`)
  return found
}

/** One of the caller's elastic addresses. */
export function findByPublicIp(store: Store, scope: Scope, publicIp: string): AddressRecord | undefined {
  const { accountId, region } = scope
  return store.addresses
    .listBy('publicIp', publicIp)
    .find((address) => address.accountId === accountId && address.region === region)
}
