import type { Clock } from '../host/clock.ts'

/** How often an instance has asked since the daemon started. */
export interface MetadataUsage {
  readonly requestCount: number
  /** Of these, those that were refused for being too many. */
  readonly throttledCount: number
}

/** Lets each instance make so many requests a second, and no more ("Query throttling"). */
export interface RequestThrottle {
  /** Counts a request; false when it is one too many. */
  admit(instanceId: string): boolean
  usageOf(instanceId: string): MetadataUsage
}

interface Bucket {
  requestCount: number
  throttledCount: number
  /** Requests that may be made at once: a second's when none was made for a while. */
  allowance: number
  at: number
}

/** More instances than have ever asked at a time: the ones that asked first are forgotten. */
const maximumBuckets = 20_000

export function createRequestThrottle(clock: Clock, requestsPerSecond: number): RequestThrottle {
  const buckets = new Map<string, Bucket>()

  function bucketOf(instanceId: string): Bucket {
    const known = buckets.get(instanceId)
    if (known) return known
    const [oldest] = buckets.size >= maximumBuckets ? buckets.keys() : []
    if (oldest !== undefined) buckets.delete(oldest)
    const bucket = { requestCount: 0, throttledCount: 0, allowance: requestsPerSecond, at: clock.monotonicMs() }
    buckets.set(instanceId, bucket)
    return bucket
  }

  return {
    admit: (instanceId) => {
      const bucket = bucketOf(instanceId)
      const now = clock.monotonicMs()
      const earned = ((now - bucket.at) / 1000) * requestsPerSecond
      bucket.allowance = Math.min(requestsPerSecond, bucket.allowance + earned)
      bucket.at = now
      bucket.requestCount++
      if (bucket.allowance < 1) {
        bucket.throttledCount++
        return false
      }
      bucket.allowance--
      return true
    },
    usageOf: (instanceId) => {
      const { requestCount, throttledCount } = buckets.get(instanceId) ?? { requestCount: 0, throttledCount: 0 }
      return { requestCount, throttledCount }
    },
  }
}
