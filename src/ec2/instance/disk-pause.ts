import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { MachineEvent } from '../ports/machine.ts'
import type { InstanceRuntime } from './runtime.ts'

/** What happens when the host cannot read or write a machine's disk: QEMU has paused it, so that nothing is lost. */
export interface DiskPause {
  /** Tells of it, and lets the machine go on by itself once a full disk has space again. */
  onPaused(runtime: InstanceRuntime, event: Extract<MachineEvent, { kind: 'paused-by-io-error' }>): void
  /** The machine runs again, whoever resumed it. */
  onResumed(runtime: InstanceRuntime): void
  close(): void
}

export interface DiskPauseDependencies {
  readonly clock: Clock
  readonly events: EventBus
  readonly log: Logger
  /** Bytes that must be free where the volumes are before a machine goes on. */
  readonly resumeFreeBytes: number
  readonly freeBytes: () => Promise<number>
  /** Whether the volume of that block node goes on by itself after an error that is not a full disk (AutoEnableIO). */
  readonly isTriedAgain: (instanceId: string, nodeName: string) => boolean
}

/** How often a machine that its disk has paused is tried again. */
const resumeIntervalMs = 2000

export function createDiskPause(dependencies: DiskPauseDependencies): DiskPause {
  const { clock, events, log } = dependencies
  const waiting = new Set<string>()
  let isClosed = false

  function tell(runtime: InstanceRuntime, message: string): void {
    try {
      events.publish({ kind: 'instance-problem', resourceId: runtime.id, message: `${runtime.id} ${message}` })
    } catch (error) {
      // The disk that is full is the database's too; KilnGetStatus and the log still tell.
      log.warn({ instanceId: runtime.id, err: error }, 'event could not be recorded')
    }
  }

  async function tryAgain(runtime: InstanceRuntime): Promise<void> {
    while (!isClosed && runtime.machine && runtime.problem) {
      await clock.sleep(resumeIntervalMs)
      // Also for other errors: a full disk that refuses a write would only pause it again.
      if ((await dependencies.freeBytes()) < dependencies.resumeFreeBytes) continue
      try {
        await runtime.machine?.resume()
      } catch (error) {
        log.warn({ instanceId: runtime.id, err: error }, 'machine could not be resumed')
      }
    }
  }

  return {
    onPaused: (runtime, event) => {
      const isKnown = runtime.problem !== undefined
      const goesOn = event.isNoSpace || dependencies.isTriedAgain(runtime.id, event.driveId)
      runtime.problem = describePause(event, goesOn)
      log.warn({ instanceId: runtime.id, reason: event.reason, driveId: event.driveId }, 'machine paused by its disk')
      if (!isKnown) tell(runtime, `is ${runtime.problem}`)
      if (!goesOn || waiting.has(runtime.id)) return
      waiting.add(runtime.id)
      tryAgain(runtime)
        .catch((error: unknown) => log.error({ instanceId: runtime.id, err: error }, 'disk is no longer tried again'))
        .finally(() => waiting.delete(runtime.id))
    },
    onResumed: (runtime) => {
      if (runtime.problem === undefined) return
      delete runtime.problem
      tell(runtime, 'goes on: its disk can be read and written again')
    },
    close: () => {
      isClosed = true
    },
  }
}

function describePause(
  { isNoSpace, reason }: Extract<MachineEvent, { kind: 'paused-by-io-error' }>,
  goesOn: boolean,
): string {
  if (isNoSpace) return 'paused: the disk of the host is full; it goes on by itself when there is space'
  const what = `paused: the host could not read or write its disk (${reason})`
  return goesOn
    ? `${what}; it is tried again every few seconds`
    : `${what}; mend the disk, then let it go on by EnableVolumeIO, or stop it with force and start it`
}
