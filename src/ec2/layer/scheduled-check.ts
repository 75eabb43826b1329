import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { Scope, Store } from '../ports/store.ts'
import { createTimekeeper } from '../schedule/timekeeper.ts'
import type { LayerCheck } from './layer-check.ts'

/** Checks every layer at set times, for rot is found by nobody else before the data is needed. */
export interface ScheduledCheck {
  start(): void
  stop(): Promise<void>
}

/** `expression` has five fields, as in cron(8); when it is empty nothing is checked by itself. */
export function createScheduledCheck({
  store,
  clock,
  home,
  layerCheck,
  expression,
  log,
}: {
  store: Store
  clock: Clock
  /** Whose it is, for layers are everybody's. */
  home: Scope
  layerCheck: LayerCheck
  expression: string
  log: Logger
}): ScheduledCheck {
  const abort = new AbortController()
  const timekeeper = createTimekeeper({ store, clock, log, kind: 'layer-check' })
  let running: Promise<void> | undefined

  async function checkAll(): Promise<void> {
    const layerIds = store.layers.listBy('state', 'available').map(({ id }) => id)
    try {
      const { note } = await layerCheck.check(layerIds, { signal: abort.signal, onProgress: () => undefined })
      log.info({ note }, 'layers were checked')
    } catch (error) {
      if (!abort.signal.aborted) log.warn({ err: error }, 'layers could not be checked')
    }
  }

  return {
    start: () => {
      const task = { ...home, id: 'all', cron: expression, isCaughtUp: true, run: () => (running = checkAll()) }
      timekeeper.keep(expression === '' ? [] : [task])
    },
    stop: async () => {
      timekeeper.close()
      abort.abort()
      await running
    },
  }
}
