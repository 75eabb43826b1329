import type { Clock } from '../host/clock.ts'
import { connectQmp, type QmpClient, type QmpEvent } from './qmp.ts'

/** The way to a machine's monitor for as long as its process lives: a session that broke is opened again. */
export interface QmpLink {
  /** As QmpClient.execute; rejects at once while there is no session. */
  execute(command: string, args?: Record<string, unknown>, timeoutMs?: number): Promise<unknown>
  /** Resolves true when the first session is open, false when the process has ended before or `timeoutMs` have passed. */
  waitUntilOpen(timeoutMs: number): Promise<boolean>
}

export interface QmpLinkDependencies {
  readonly clock: Clock
  readonly path: string
  readonly isAlive: () => Promise<boolean>
  readonly onEvent: (event: QmpEvent) => void
  /** A session is open, the first or a later one: what happened in between was not heard. */
  readonly onOpen: (session: QmpClient) => void
  readonly onClose: () => void
}

/** While QEMU starts every millisecond counts; one that is stopped or hangs is asked now and then. */
const firstPauseMs = 5
const longestPauseMs = 1000
const pauseGrowth = 1.2

/** Opens the link; it ends by itself with the process. */
export function openQmpLink(dependencies: QmpLinkDependencies): QmpLink {
  const { clock } = dependencies
  let session: QmpClient | undefined
  let onFirstOpen: () => void = () => undefined
  const opened = new Promise<boolean>((resolve) => (onFirstOpen = () => resolve(true)))

  async function openOnce(): Promise<void> {
    let onSessionClose: () => void = () => undefined
    const closed = new Promise<void>((resolve) => (onSessionClose = resolve))
    session = await connectQmp(dependencies.path, { onEvent: dependencies.onEvent, onClose: onSessionClose })
    onFirstOpen()
    dependencies.onOpen(session)
    await closed
    session = undefined
    dependencies.onClose()
  }

  async function keepOpen(): Promise<boolean> {
    let pauseMs = firstPauseMs
    while (await dependencies.isAlive()) {
      try {
        await openOnce()
        pauseMs = firstPauseMs
      } catch {
        // Not listening yet, or not answering: both end, or the process does.
        pauseMs = Math.min(longestPauseMs, pauseMs * pauseGrowth)
      }
      await clock.sleep(pauseMs)
    }
    return false
  }

  const kept = keepOpen()
  return {
    execute: async (command, args, timeoutMs) => {
      if (!session) throw new Error('QEMU does not answer on its monitor')
      return await session.execute(command, args, timeoutMs)
    },
    waitUntilOpen: async (timeoutMs) => {
      const patience = new AbortController()
      const timedOut = clock.sleep(timeoutMs, patience.signal).then(
        () => false,
        () => false,
      )
      try {
        return await Promise.race([opened, kept, timedOut])
      } finally {
        patience.abort()
      }
    },
  }
}
