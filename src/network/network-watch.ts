import type { Logger } from 'pino'
import type { Clock } from '../host/clock.ts'

/** Looks after the networks again and again. */
export interface NetworkWatch {
  /** From the first VPC on; safe to repeat. */
  begin(): void
  /** Resolves when the last look is over; after the signal. */
  ended(): Promise<void>
}

/** How long something that died is missed at most: a look is a few small files of /proc a VPC. */
const intervalMs = 3000

export function createNetworkWatch(dependencies: {
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
  readonly look: () => Promise<void>
}): NetworkWatch {
  const { clock, log, signal, look } = dependencies
  let watching: Promise<void> | undefined

  async function watch(): Promise<void> {
    for (;;) {
      await clock.sleep(intervalMs, signal)
      await look()
    }
  }

  return {
    begin: () => {
      watching ??= watch().catch((error: unknown) => {
        if (!signal.aborted) log.error({ err: error }, 'the networks are not watched any more')
      })
    },
    ended: async () => await watching,
  }
}
