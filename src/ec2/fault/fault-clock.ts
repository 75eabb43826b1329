import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { Store } from '../ports/store.ts'
import type { NetworkDriver } from '../vpc/network-driver.ts'
import { type FaultRecord, isInEffect, namedBy } from './fault.ts'
import { vpcsOfTargets } from './fault-target.ts'

/** Ends faults when their time is over, and knows what they do to the API. The time is in the record: it outlives the daemon. */
export interface FaultClock {
  /** Brings the timer to what is recorded: after a start, and after each change. */
  refresh(): void
  /** Brings the packets of the VPCs that faults name to what is recorded. Resolves when that is in force. */
  refreshNetworks(faults: readonly Pick<FaultRecord, 'effect' | 'targets'>[]): Promise<void>
  /** How many calls a second an account may make now; undefined: as many as it likes. */
  callsPerSecond(accountId: string): number | undefined
  close(): void
}

/** setTimeout cannot wait for longer than 24 days; faults last for a day at most. */
export function createFaultClock(dependencies: {
  store: Store
  clock: Clock
  events: EventBus
  networks: Pick<NetworkDriver, 'refresh'>
  log: Logger
}): FaultClock {
  const { store, clock, events, networks, log } = dependencies
  const rates = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined

  function refresh(): void {
    clearTimeout(timer)
    const now = clock.now()
    const all = store.faults.listAll()
    const over = all.filter((fault) => !isInEffect(fault, now))
    if (over.length > 0) end(over)
    rates.clear()
    const lasting = all.filter((fault) => isInEffect(fault, now))
    for (const { accountId, effect } of lasting) {
      if (effect.kind !== 'api') continue
      rates.set(accountId, Math.min(rates.get(accountId) ?? Number.POSITIVE_INFINITY, effect.requestsPerSecond))
    }
    const ends = lasting.map(({ endsAt }) => new Date(endsAt).getTime())
    if (ends.length > 0) timer = setTimeout(refresh, Math.max(1, Math.min(...ends) - now.getTime())).unref()
  }

  function end(over: readonly FaultRecord[]): void {
    try {
      store.transaction(() => {
        for (const { id } of over) {
          events.publish({ kind: 'fault', resourceId: id, message: `${id} is over` })
          store.faults.remove(id)
        }
      })
    } catch (error) {
      // It has no effect any more all the same; its record goes later.
      log.warn({ err: error }, 'faults that are over could not be removed')
    }
    refreshNetworks(over).catch((error: unknown) => log.error({ err: error }, 'faults could not be taken away'))
  }

  async function refreshNetworks(faults: readonly Pick<FaultRecord, 'effect' | 'targets'>[]): Promise<void> {
    const vpcIds = new Set(faults.flatMap((fault) => [...vpcsOfTargets(store, namedBy(fault))]))
    await Promise.all([...vpcIds].map(async (vpcId) => await networks.refresh(vpcId)))
  }

  return {
    refresh,
    refreshNetworks,
    callsPerSecond: (accountId) => rates.get(accountId),
    close: () => clearTimeout(timer),
  }
}
