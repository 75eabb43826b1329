import type { Random } from '../../host/random.ts'
import { Ec2Error } from '../errors.ts'
import type { Store } from '../ports/store.ts'
import { base32Of } from './base32.ts'

/** A long-lived access key. It belongs to one account and stands for its owner. */
export interface AccessKeyRecord {
  readonly id: string
  /** Twelve digits. */
  readonly accountId: string
  readonly secret: string
  readonly createdAt: string
  readonly isEnabled: boolean
  /** It may ask for everything and change nothing. */
  readonly isReadOnly: boolean
  /** The user's own words. */
  readonly description: string
}

/** A new access key in the form of AWS's, not recorded yet. */
export function makeAccessKey(
  random: Random,
  now: Date,
  options: { accountId: string; isReadOnly?: boolean; description?: string },
): AccessKeyRecord {
  return {
    id: `AKIA${base32Of(random.bytes(16), 16)}`,
    accountId: options.accountId,
    secret: random.bytes(30).toString('base64'),
    createdAt: now.toISOString(),
    isEnabled: true,
    isReadOnly: options.isReadOnly ?? false,
    description: options.description ?? '',
  }
}

/** Makes the account's first access key unless there is one. */
export function ensureAccessKey(dependencies: { store: Store; random: Random }, accountId: string, now: Date): void {
  const { store, random } = dependencies
  if (isKnownAccount(store, accountId)) return
  store.transaction(() => store.accessKeys.put(makeAccessKey(random, now, { accountId })))
}

/** Whether an account has an access key, enabled or not. */
export function isKnownAccount(store: Store, accountId: string): boolean {
  return store.accessKeys.list().some((key) => key.accountId === accountId)
}

/** The key of that id. Throws IAM's NoSuchEntity. */
export function findAccessKey(store: Store, id: string): AccessKeyRecord {
  const key = store.accessKeys.find(id)
  if (key) return key
  throw new Ec2Error('NoSuchEntity', `The Access Key with id ${id.slice(0, 128)} cannot be found.`, 404)
}
