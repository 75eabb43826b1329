import type { Clock } from '../../host/clock.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { Store } from '../ports/store.ts'
import type { InstanceRecord, InstanceState, StateReason } from './instance.ts'

/** EC2's life cycle ("Instance lifecycle"): the states that may follow each state. */
const followingStates: Readonly<Record<InstanceState, readonly InstanceState[]>> = {
  pending: ['running', 'stopped', 'shutting-down', 'stopping'],
  running: ['stopping', 'shutting-down', 'stopped'],
  stopping: ['stopped', 'shutting-down'],
  stopped: ['pending', 'shutting-down'],
  'shutting-down': ['terminated'],
  terminated: [],
}

/** Whether EC2 lets an instance go from one state to the other. */
export function canFollow(from: InstanceState, to: InstanceState): boolean {
  return followingStates[from].includes(to)
}

/** Texts that EC2 shows for a change of state. */
export interface StateChange {
  readonly reason?: StateReason
  /** `User initiated` and the like; the time is added. */
  readonly transition?: string
}

/** What `Client.UserInitiatedShutdown` looks like on EC2. */
export const userInitiatedShutdown: StateChange = {
  reason: { code: 'Client.UserInitiatedShutdown', message: 'Client.UserInitiatedShutdown: User initiated shutdown' },
  transition: 'User initiated',
}

/** What `Client.UserInitiatedHibernate` looks like on EC2. */
export const userInitiatedHibernation: StateReason = {
  code: 'Client.UserInitiatedHibernate',
  message: 'Client.UserInitiatedHibernate: User initiated hibernate',
}

/** The record in its new state, with EC2's texts; changes nothing by itself. */
export function withState(
  record: InstanceRecord,
  state: InstanceState,
  now: Date,
  change: StateChange = {},
): InstanceRecord {
  const { stateReason: _reason, request: _request, ...rest } = record
  return {
    ...rest,
    state,
    stateChangedAt: now.toISOString(),
    ...(change.reason ? { stateReason: change.reason } : {}),
    stateTransitionReason: change.transition ? `${change.transition} (${formatGmt(now)})` : '',
  }
}

/**
 * Records a change of state and tells of it. Answers undefined, changing nothing, when the instance is gone or may not go to
 * that state any more (a user terminated it meanwhile).
 */
export function recordState(
  dependencies: { store: Store; clock: Clock; events: EventBus },
  instanceId: string,
  state: InstanceState,
  change: StateChange = {},
): InstanceRecord | undefined {
  const { store, clock, events } = dependencies
  return store.transaction(() => {
    const record = store.instances.find(instanceId)
    if (!record || !canFollow(record.state, state)) return undefined
    const changed = withState(record, state, clock.now(), change)
    store.instances.replace(changed)
    publishState(events, record, changed)
    return changed
  })
}

/** Tells of a change of state that was recorded. */
export function publishState(events: EventBus, before: InstanceRecord | undefined, after: InstanceRecord): void {
  events.publish({
    kind: 'instance-state-change',
    resourceId: after.id,
    message: `${after.id} is ${after.state}`,
    detail: {
      state: after.state,
      ...(before ? { previousState: before.state } : {}),
      ...(after.stateReason ? { reason: after.stateReason.message } : {}),
    },
  })
}

function formatGmt(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} GMT`
}
