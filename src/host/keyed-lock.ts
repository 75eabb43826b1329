import { once } from 'node:events'

/** Lets one piece of work at a time go on for each key; the others wait in the order they came. */
export interface KeyedLock {
  isHeld(key: string): boolean
  /** Rejects with an AbortError when the signal is aborted while waiting; the work itself has to mind the signal. */
  run<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>
}

export function createKeyedLock(): KeyedLock {
  /** Who works, then who waits, by key. The event `turn` of a waiter's target is its turn. */
  const queues = new Map<string, EventTarget[]>()

  function leave(key: string, own: EventTarget): void {
    const queue = queues.get(key) ?? []
    const wasFirst = queue[0] === own
    queue.splice(queue.indexOf(own), 1)
    if (queue.length === 0) queues.delete(key)
    else if (wasFirst) queue[0]?.dispatchEvent(new Event('turn'))
  }

  return {
    isHeld: (key) => queues.has(key),
    run: async (key, signal, work) => {
      const own = new EventTarget()
      const queue = queues.get(key) ?? []
      queues.set(key, queue)
      queue.push(own)
      try {
        if (queue[0] !== own) await once(own, 'turn', { signal })
        return await work()
      } finally {
        leave(key, own)
      }
    },
  }
}
