import type { Clock } from '../../host/clock.ts'
import type { Store } from '../ports/store.ts'

/** Forgets terminated instances when they have been visible for long enough, and client tokens of past days. */
export interface InstanceReaper {
  start(): void
  stop(): void
}

const intervalMs = 60_000
/** EC2 remembers tokens for at least a day. */
const tokenRetentionMs = 24 * 3600 * 1000

export function createInstanceReaper(dependencies: {
  store: Store
  clock: Clock
  retentionMs: number
}): InstanceReaper {
  const { store, clock, retentionMs } = dependencies
  let timer: NodeJS.Timeout | undefined

  function reap(): void {
    const now = clock.now().getTime()
    store.transaction(() => {
      for (const instance of store.instances.listBy('state', 'terminated')) {
        if (now - new Date(instance.stateChangedAt).getTime() < retentionMs) continue
        store.instances.remove(instance.id)
        store.tags.removeAll(instance.id)
      }
      store.clientTokens.removeBefore(new Date(now - tokenRetentionMs).toISOString())
    })
  }

  return {
    start: () => {
      reap()
      timer = setInterval(reap, intervalMs)
      timer.unref()
    },
    stop: () => clearInterval(timer),
  }
}
