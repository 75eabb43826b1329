import { createHash, randomBytes } from 'node:crypto'

/** Chance that can be repeated: the same seed gives the same choices. */
export interface TestRandom {
  readonly seed: string
  /** From 0 to below `limit`. */
  below(limit: number): number
  pick<T>(choices: readonly T[]): T | undefined
  sleep(minimumMs: number, maximumMs: number): Promise<void>
}

export function createRandom(seed = randomBytes(6).toString('hex')): TestRandom {
  let count = 0
  const below = (limit: number) => {
    const digest = createHash('sha256').update(`${seed}/${count++}`).digest()
    return Math.floor((digest.readUInt32BE(0) / 2 ** 32) * limit)
  }
  return {
    seed,
    below,
    pick: (choices) => choices[below(choices.length)],
    sleep: async (minimumMs, maximumMs) => {
      const ms = minimumMs + below(maximumMs - minimumMs)
      await new Promise((resolve) => setTimeout(resolve, ms))
    },
  }
}
