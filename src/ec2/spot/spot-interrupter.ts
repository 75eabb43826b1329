import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { Domain } from '../domain.ts'
import { unsupportedOperation } from '../errors.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { InstanceDriver } from '../instance/driver.ts'
import { findOne } from '../ids.ts'
import type { InstanceRecord, InstanceSpot } from '../instance/instance.ts'
import { recordState } from '../instance/state-machine.ts'
import type { MutationContext } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import type { SpotInterruption } from './spot-request.ts'

/** Ends spot instances when the notice that they were given is over. The notice is in the record: it outlives the daemon. */
export interface SpotInterrupter {
  /** Brings the timers to what is recorded: after a start, and after each notice. */
  refresh(): void
  close(): void
}

/** How EC2 names the end of a spot instance. */
export const spotTermination = {
  reason: {
    code: 'Server.SpotInstanceTermination',
    message: 'Server.SpotInstanceTermination: Spot instance termination',
  },
}

export function createSpotInterrupter(dependencies: {
  store: Store
  clock: Clock
  events: EventBus
  instances: Pick<InstanceDriver, 'wake'>
  log: Logger
}): SpotInterrupter {
  const { store, clock, instances, log } = dependencies
  const timers = new Map<string, NodeJS.Timeout>()

  function end(instanceId: string): void {
    timers.delete(instanceId)
    try {
      if (recordState(dependencies, instanceId, 'shutting-down', spotTermination)) instances.wake(instanceId)
    } catch (error) {
      log.error({ instanceId, err: error }, 'spot instance could not be interrupted')
    }
  }

  return {
    refresh: () => {
      for (const state of ['pending', 'running'] as const) {
        for (const { id, spot } of store.instances.listBy('state', state)) {
          if (!spot?.interruption || timers.has(id)) continue
          const delayMs = new Date(spot.interruption.time).getTime() - clock.now().getTime()
          timers.set(
            id,
            setTimeout(() => end(id), Math.max(0, delayMs)),
          )
        }
      }
    },
    close: () => {
      for (const timer of timers.values()) clearTimeout(timer)
      timers.clear()
    },
  }
}

/** Gives a running spot instance notice, which its metadata tell; when it is over the instance is terminated. */
export function giveSpotNotice(
  { store, events, spotInterrupter }: Domain,
  context: MutationContext,
  instanceId: string,
  noticeSeconds: number,
): SpotInterruption {
  const instance = findRunningSpot(store, context, instanceId)
  if (instance.spot.interruption) return instance.spot.interruption
  const noticedAt = context.now.toISOString()
  const time = new Date(context.now.getTime() + noticeSeconds * 1000).toISOString()
  const interruption: SpotInterruption = { action: 'terminate', noticedAt, time }
  store.instances.replace({ ...instance, spot: { ...instance.spot, interruption } })
  events.publish({
    kind: 'instance-problem',
    resourceId: instance.id,
    message: `${instance.id} is interrupted: it is terminated at ${time}`,
  })
  context.afterCommit(() => spotInterrupter.refresh())
  return interruption
}

/** Tells a running spot instance that it might be taken away soon ("EC2 instance rebalance recommendations"); it goes on. */
export function recommendRebalance({ store, events }: Domain, context: MutationContext, instanceId: string): string {
  const instance = findRunningSpot(store, context, instanceId)
  if (instance.spot.rebalanceNoticedAt !== undefined) return instance.spot.rebalanceNoticedAt
  const rebalanceNoticedAt = context.now.toISOString()
  store.instances.replace({ ...instance, spot: { ...instance.spot, rebalanceNoticedAt } })
  events.publish({
    kind: 'instance-problem',
    resourceId: instance.id,
    message: `${instance.id} is recommended to be replaced: the risk that it is interrupted has grown`,
  })
  return rebalanceNoticedAt
}

function findRunningSpot(
  store: Store,
  context: MutationContext,
  instanceId: string,
): InstanceRecord & { spot: InstanceSpot } {
  const instance = findOne('i', instanceId, (id) => store.instances.get(context, id))
  const { spot, state } = instance
  if (!spot) {
    throw unsupportedOperation(
      `The instance ${instance.id} is no Spot Instance: launch one with InstanceMarketOptions.`,
    )
  }
  if (state !== 'running') {
    throw unsupportedOperation(`The instance ${instance.id} is ${state}: only a running one is interrupted.`)
  }
  return { ...instance, spot }
}
