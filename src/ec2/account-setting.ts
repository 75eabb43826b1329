import type { Scope, Store } from './ports/store.ts'

/** A setting that every account has in every region, such as its metadata defaults: one value, kept whole. */
export interface AccountSetting<T> {
  /** What the account has set in the region, else the default. */
  get(store: Store, scope: Scope): T
  /** Replaces it as a whole; inside a mutation. */
  put(store: Store, scope: Scope, value: T): void
}

/**
 * Defines a setting of accounts, once, beside the operations that read and change it:
 *
 *     export const serialConsoleAccess = defineAccountSetting('serial-console-access', { isEnabled: false })
 *     serialConsoleAccess.get(store, context).isEnabled
 *     serialConsoleAccess.put(store, context, { isEnabled: true })
 *
 * `name` is what the state directory calls it: it must be unique and must not change. Values are kept as JSON: times are ISO 8601
 * texts, and a value may gain members later only if they are optional.
 */
export function defineAccountSetting<T>(name: string, initial: T): AccountSetting<T> {
  const keyOf = ({ accountId, region }: Scope) => `account/${accountId}/${region}/${name}`
  return {
    get: (store, scope) => {
      const text = store.settings.get(keyOf(scope))
      return text === undefined ? initial : (JSON.parse(text) as T)
    },
    put: (store, scope, value) => store.settings.put(keyOf(scope), JSON.stringify(value)),
  }
}
