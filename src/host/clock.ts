import { setTimeout as sleepFor } from 'node:timers/promises'

/** Time as the daemon sees it; tests bring their own. */
export interface Clock {
  now(): Date
  /** Milliseconds from an arbitrary point, never going back. */
  monotonicMs(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The host's own clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    await sleepFor(ms, undefined, signal ? { signal } : {})
  },
}
