/**
 * Turns idempotent work on a key ("bring X to what the records say") into a call that may be made as often as one likes: runs
 * for one key never overlap, and calls that arrive during a run share the one that follows it.
 */
export function coalesceByKey(work: (key: string) => Promise<void>): (key: string) => Promise<void> {
  const active = new Map<string, Promise<void>>()
  const waiting = new Map<string, Promise<void>>()

  async function runAfter(previous: Promise<void> | undefined, key: string): Promise<void> {
    // Its own callers hear of the previous run's failure.
    await previous?.catch(() => undefined)
    const mine = waiting.get(key)
    waiting.delete(key)
    if (mine) active.set(key, mine)
    try {
      await work(key)
    } finally {
      if (active.get(key) === mine) active.delete(key)
    }
  }

  return (key) => {
    const joined = waiting.get(key)
    if (joined) return joined
    const run = runAfter(active.get(key), key)
    waiting.set(key, run)
    return run
  }
}
