import cron, { type ScheduledTask } from 'node-cron'
import type { Logger } from 'pino'
import type { Store } from '../ports/store.ts'
import type { LayerCheck } from './layer-check.ts'

/** Checks every layer at set times, for rot is found by nobody else before the data is needed. */
export interface ScheduledCheck {
  start(): void
  stop(): Promise<void>
}

/** `expression` has five fields, as in cron(8); when it is empty nothing is checked by itself. */
export function createScheduledCheck({
  store,
  layerCheck,
  expression,
  log,
}: {
  store: Store
  layerCheck: LayerCheck
  expression: string
  log: Logger
}): ScheduledCheck {
  const abort = new AbortController()
  let scheduled: ScheduledTask | undefined
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
      if (expression === '') return
      // A check that takes longer than from one time to the next goes on.
      scheduled = cron.schedule(expression, () => (running ??= checkAll().finally(() => (running = undefined))))
    },
    stop: async () => {
      abort.abort()
      await scheduled?.destroy()
      await running
    },
  }
}
