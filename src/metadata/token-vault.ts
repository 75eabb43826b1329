import type { Clock } from '../host/clock.ts'
import type { Random } from '../host/random.ts'

/** The session tokens of all instances; they live in memory only, as long as the daemon does. */
export interface TokenVault {
  /** A new opaque token of that instance, good for so many seconds. */
  issue(instanceId: string, ttlSeconds: number): string
  isValid(instanceId: string, token: string): boolean
}

/** A guest that asks for ever new tokens pushes out its own oldest ones, nobody else's. */
const tokensPerInstance = 128

/** Keeps tokens by instance; one that has expired, or belongs to another instance, counts as unknown. */
export function createTokenVault({ clock, random }: { clock: Clock; random: Random }): TokenVault {
  const expiries = new Map<string, Map<string, number>>()

  function liveTokensOf(instanceId: string): Map<string, number> {
    const now = clock.monotonicMs()
    const tokens = [...(expiries.get(instanceId) ?? [])].filter(([, expiry]) => expiry > now)
    const live = new Map(tokens)
    if (live.size === 0) expiries.delete(instanceId)
    else expiries.set(instanceId, live)
    return live
  }

  return {
    issue: (instanceId, ttlSeconds) => {
      const token = `${random.bytes(40).toString('base64url')}==`
      for (const other of expiries.keys()) liveTokensOf(other)
      const tokens = liveTokensOf(instanceId)
      while (tokens.size >= tokensPerInstance) {
        const [oldest] = tokens.keys()
        if (oldest === undefined) break
        tokens.delete(oldest)
      }
      tokens.set(token, clock.monotonicMs() + ttlSeconds * 1000)
      expiries.set(instanceId, tokens)
      return token
    },
    isValid: (instanceId, token) => liveTokensOf(instanceId).has(token),
  }
}
