import type { Clock } from '../host/clock.ts'
import type { Random } from '../host/random.ts'
import type { Store } from '../ec2/ports/store.ts'

const keyAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Makes the account's first access key, in the form of AWS's, unless there is one. */
export function ensureAccessKey(dependencies: { store: Store; clock: Clock; random: Random }, accountId: string): void {
  const { store, clock, random } = dependencies
  if (store.accessKeys.list().some((key) => key.accountId === accountId)) return
  const letters = Array.from(random.bytes(16), (byte) => keyAlphabet.charAt(byte % keyAlphabet.length)).join('')
  store.transaction(() =>
    store.accessKeys.insert({
      id: `AKIA${letters}`,
      accountId,
      secret: random.bytes(30).toString('base64'),
      createdAt: clock.now().toISOString(),
    }),
  )
}
