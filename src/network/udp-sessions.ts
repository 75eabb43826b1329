import type { Clock } from '../host/clock.ts'

/** A client's datagrams on their way into a VPC and back. */
export interface UdpSession {
  send(data: Buffer): void
  end(): void
}

/** What tells of a session's life. */
export interface UdpSessionHandle {
  /** The client said something. */
  asked(): void
  /** The guest did. */
  answered(): void
  end(): void
}

/** Ends sessions that nobody needs any more, of all ports together. */
export interface UdpSessions {
  /** `onEnd` is called once. Undefined when there are as many as may be, and each is a stream. */
  begin(onEnd: () => void): UdpSessionHandle | undefined
  /** Ends those that were silent for too long; call it from time to time. */
  sweep(): void
}

/**
 * As EC2 tracks UDP ("Idle connection tracking timeout"): half a minute for what had no answer or a single one, three minutes for a
 * stream.
 */
const timeouts = { singleMs: 30_000, streamMs: 180_000 } as const

/** Each has a socket of the daemon's. */
const defaultMaximum = 4096

interface Tracked {
  readonly onEnd: () => void
  lastMs: number
  answers: number
}

/** Sessions are kept in the order in which they last spoke. When there are too many, the one that is silent longest and no stream goes. */
export function createUdpSessions(
  clock: Clock,
  { maximum = defaultMaximum }: { readonly maximum?: number } = {},
): UdpSessions {
  const tracked = new Set<Tracked>()

  function end(session: Tracked): void {
    if (tracked.delete(session)) session.onEnd()
  }

  function touch(session: Tracked): void {
    if (!tracked.delete(session)) return
    session.lastMs = clock.monotonicMs()
    tracked.add(session)
  }

  function makeRoom(): boolean {
    if (tracked.size < maximum) return true
    for (const session of tracked) {
      if (isStream(session)) continue
      end(session)
      return true
    }
    return false
  }

  return {
    begin: (onEnd) => {
      if (!makeRoom()) return undefined
      const session: Tracked = { onEnd, lastMs: clock.monotonicMs(), answers: 0 }
      tracked.add(session)
      return {
        asked: () => touch(session),
        answered: () => {
          session.answers++
          touch(session)
        },
        end: () => end(session),
      }
    },
    sweep: () => {
      const now = clock.monotonicMs()
      for (const session of tracked) {
        const silentMs = now - session.lastMs
        if (silentMs < timeouts.singleMs) return
        if (!isStream(session) || silentMs >= timeouts.streamMs) end(session)
      }
    },
  }
}

/** More than a question and its answer. */
function isStream({ answers }: Tracked): boolean {
  return answers > 1
}
