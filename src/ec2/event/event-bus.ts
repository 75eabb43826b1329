import type { Clock } from '../../host/clock.ts'
import type { Store } from '../ports/store.ts'
import type { EventRecord } from './event.ts'

/** Records what happens and tells those who follow. */
export interface EventBus {
  /** Inside or outside a transaction; followers hear of it at the end of the present turn. */
  publish(event: Pick<EventRecord, 'kind' | 'resourceId' | 'message' | 'detail'>): void
  /** Recorded events after that number that an account is told, oldest first. */
  readAfter(accountId: string, number: number, limit: number): EventRecord[]
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
      store.transaction(() => {
        const accountId = ownerOf(store, event.resourceId)
        store.events.append({ ...event, ...(accountId ? { accountId } : {}), time: clock.now().toISOString() })
      })
      queueMicrotask(() => {
        for (const follower of followers) follower()
      })
    },
    readAfter: (accountId, number, limit) => store.events.after(accountId, number, limit),
    follow: (follower) => {
      followers.add(follower)
      return () => followers.delete(follower)
    },
  }
}

/** Events are about resources of few kinds. */
function ownerOf(store: Store, resourceId: string): string | undefined {
  const kinds = [
    store.instances,
    store.volumes,
    store.images,
    store.deregisteredImages,
    store.tasks,
    store.transfers,
    store.schedules,
    store.pipelines,
    store.lifecycleRuns,
    store.faults,
  ]
  for (const kind of kinds) {
    const record = kind.find(resourceId)
    if (record) return record.accountId
  }
  return undefined
}
