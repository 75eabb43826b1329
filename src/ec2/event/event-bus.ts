import type { Clock } from '../../host/clock.ts'
import type { Store } from '../ports/store.ts'
import type { EventRecord } from './event.ts'

/** Records what happens and tells those who follow. */
export interface EventBus {
  /** Inside or outside a transaction; followers hear of it at the end of the present turn. */
  publish(event: Pick<EventRecord, 'kind' | 'resourceId' | 'message' | 'detail'>): void
  /** Calls `follower` for each later event; returns how to leave. */
  follow(follower: (event: EventRecord) => void): () => void
}

export function createEventBus(dependencies: { store: Store; clock: Clock }): EventBus {
  const { store, clock } = dependencies
  const followers = new Set<(event: EventRecord) => void>()
  return {
    publish: (event) => {
      const recorded = store.transaction(() => store.events.append({ ...event, time: clock.now().toISOString() }))
      queueMicrotask(() => {
        for (const follower of followers) follower(recorded)
      })
    },
    follow: (follower) => {
      followers.add(follower)
      return () => followers.delete(follower)
    },
  }
}
