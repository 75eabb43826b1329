import type { Clock } from '../../host/clock.ts'
import type { Store } from '../ports/store.ts'
import type { EventRecord } from './event.ts'

/** Records what happens and tells those who follow. */
export interface EventBus {
  /** Inside or outside a transaction; followers hear of it at the end of the present turn. */
  publish(event: Pick<EventRecord, 'kind' | 'resourceId' | 'message' | 'detail'>): void
  /** Recorded events after that number, oldest first. */
  readAfter(number: number, limit: number): EventRecord[]
  /**
   * Calls `follower` when there may be events that it has not read; returns how to leave. It is told of none itself, because the
   * transaction that published one may have been taken back.
   */
  follow(follower: () => void): () => void
}

export function createEventBus(dependencies: { store: Store; clock: Clock }): EventBus {
  const { store, clock } = dependencies
  const followers = new Set<() => void>()
  return {
    publish: (event) => {
      store.transaction(() => store.events.append({ ...event, time: clock.now().toISOString() }))
      queueMicrotask(() => {
        for (const follower of followers) follower()
      })
    },
    readAfter: (number, limit) => store.events.after(number, limit),
    follow: (follower) => {
      followers.add(follower)
      return () => followers.delete(follower)
    },
  }
}
