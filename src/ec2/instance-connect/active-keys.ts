import type { Clock } from '../../host/clock.ts'

/** A public key that may be used to log in for a minute. */
export interface ActiveKey {
  readonly instanceId: string
  readonly user: string
  /** One line, OpenSSH format. */
  readonly publicKey: string
  /** ARN of who sent it. */
  readonly caller: string
  readonly requestId: string
}

/** The keys that EC2 Instance Connect has pushed to instances. They are in no record: a daemon that ends takes them with it. */
export interface ActiveKeys {
  /** False when the instance has as many as may be. */
  push(key: ActiveKey): boolean
  list(instanceId: string): readonly ActiveKey[]
  /** By user, what the metadata service says of them; empty when there are none. */
  describe(instanceId: string): Readonly<Record<string, string>>
}

/** "The key is available for 60 seconds" (SendSSHPublicKey). */
const lifetimeMs = 60_000
/** Of one instance at a time: a script in a loop shall not fill the daemon. */
const maximumPerInstance = 50

interface Held extends ActiveKey {
  readonly expiresAtMs: number
}

export function createActiveKeys(clock: Clock): ActiveKeys {
  const held = new Map<string, readonly Held[]>()

  function current(instanceId: string): readonly Held[] {
    const now = clock.now().getTime()
    const keys = (held.get(instanceId) ?? []).filter(({ expiresAtMs }) => expiresAtMs > now)
    if (keys.length > 0) held.set(instanceId, keys)
    else held.delete(instanceId)
    return keys
  }

  return {
    push: (key) => {
      for (const instanceId of [...held.keys()]) current(instanceId)
      // The same key again is good for another minute.
      const others = current(key.instanceId).filter(
        ({ user, publicKey }) => user !== key.user || publicKey !== key.publicKey,
      )
      if (others.length >= maximumPerInstance) return false
      held.set(key.instanceId, [...others, { ...key, expiresAtMs: clock.now().getTime() + lifetimeMs }])
      return true
    },
    list: current,
    describe: (instanceId) => {
      const byUser: Record<string, string> = {}
      for (const key of current(instanceId)) byUser[key.user] = `${byUser[key.user] ?? ''}${describeKey(key)}\n`
      return byUser
    },
  }
}

/**
 * As EC2 describes a key, but for the signature: that is by a certificate that only Amazon has. sshd takes the lines that begin with
 * `#` for comments.
 */
function describeKey({ instanceId, publicKey, caller, requestId, expiresAtMs }: Held): string {
  return [
    `#Timestamp=${Math.floor(expiresAtMs / 1000)}`,
    `#Instance=${instanceId}`,
    `#Caller=${caller}`,
    `#Request=${requestId}`,
    `${publicKey}\n`,
  ].join('\n')
}
