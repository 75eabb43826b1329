import { Ec2Error } from '../../ec2/errors.ts'
import type { Clock } from '../../host/clock.ts'

/** Refuses what an account's calls exceed of the rate that it has just now. */
export interface CallRate {
  /** Throws RequestLimitExceeded. */
  take(accountId: string): void
}

/**
 * EC2's own throttling, a token bucket ("Request throttling for the Amazon EC2 API"): it holds the calls of one second, and one at least
 * where there are any. `callsPerSecond` tells the rate of an account; undefined: none.
 */
export function createCallRate(clock: Clock, callsPerSecond: (accountId: string) => number | undefined): CallRate {
  const buckets = new Map<string, { tokens: number; atMs: number }>()
  return {
    take: (accountId) => {
      const rate = callsPerSecond(accountId)
      if (rate === undefined) {
        buckets.delete(accountId)
        return
      }
      const nowMs = clock.monotonicMs()
      const capacity = rate === 0 ? 0 : Math.max(1, rate)
      const bucket = buckets.get(accountId) ?? { tokens: capacity, atMs: nowMs }
      const tokens = Math.min(capacity, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * rate)
      const isRefused = tokens < 1
      buckets.set(accountId, { tokens: isRefused ? tokens : tokens - 1, atMs: nowMs })
      if (isRefused) throw new Ec2Error('RequestLimitExceeded', 'Request limit exceeded.', 503)
    },
  }
}
