import { Ec2Error } from '../errors.ts'
import type { Scope, Store } from '../ports/store.ts'
import type { KeyPairRecord } from './key-pair.ts'

/** The caller's key pair of that name; undefined when there is none. */
export function findKeyPairByName(store: Store, scope: Scope, name: string): KeyPairRecord | undefined {
  const named = store.keyPairs.listBy('name', name)
  return named.find(({ accountId, region }) => accountId === scope.accountId && region === scope.region)
}

/** The same; throws InvalidKeyPair.NotFound. */
export function requireKeyPair(store: Store, scope: Scope, name: string): KeyPairRecord {
  const found = findKeyPairByName(store, scope, name)
  if (!found) throw new Ec2Error('InvalidKeyPair.NotFound', `The key pair '${name.slice(0, 255)}' does not exist`)
  return found
}
