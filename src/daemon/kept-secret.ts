import type { Store } from '../ec2/ports/store.ts'
import { systemRandom } from '../host/random.ts'

/** What was signed with it stays good when the daemon is started anew: metadata tokens, temporary credentials. */
export function keepSecret(store: Store, name: string): Buffer {
  const known = store.settings.get(name)
  if (known) return Buffer.from(known, 'hex')
  const secret = systemRandom.bytes(32)
  store.transaction(() => store.settings.put(name, secret.toString('hex')))
  return secret
}
