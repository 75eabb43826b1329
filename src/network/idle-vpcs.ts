import type { Logger } from 'pino'
import type { Clock } from '../host/clock.ts'

/** VPCs whose last machine has ended: their namespaces wait for the next one, as making them is half of what a launch takes the daemon. */
export interface IdleVpcs {
  /** Ends the VPC's namespace after its time; nothing when it waits already. */
  begin(vpcId: string): void
  /** The VPC is needed again, or ends by itself. */
  stop(vpcId: string): void
}

export function createIdleVpcs({
  clock,
  log,
  idleMs,
  end,
}: {
  clock: Clock
  log: Logger
  idleMs: number
  end: (vpcId: string) => Promise<void>
}): IdleVpcs {
  const waiting = new Map<string, AbortController>()

  async function endAfterIdleness(vpcId: string): Promise<void> {
    const rest = new AbortController()
    waiting.set(vpcId, rest)
    await clock.sleep(idleMs, rest.signal).catch(() => undefined)
    if (!rest.signal.aborted) await end(vpcId)
  }

  return {
    begin: (vpcId) => {
      if (waiting.has(vpcId)) return
      endAfterIdleness(vpcId).catch((error: unknown) => {
        log.error({ vpcId, err: error }, 'an idle network could not be ended')
      })
    },
    stop: (vpcId) => {
      waiting.get(vpcId)?.abort()
      waiting.delete(vpcId)
    },
  }
}
