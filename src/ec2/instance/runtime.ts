import type { Machine, MachineEvent } from '../ports/machine.ts'

/** What the daemon knows of an instance beyond its record: gone with the daemon, found again by adoption. */
export interface InstanceRuntime {
  readonly id: string
  machine?: Machine
  /** How the last machine ended, until the driver has dealt with it. */
  ending?: Extract<MachineEvent, { kind: 'ended' }> & {
    isHostRebooted?: boolean
    /** A daemon was killed between two machines of the instance: the later one has not run yet. */
    isBetweenMachines?: boolean
  }
  /** What the user must know while it lasts: a disk-full pause. */
  problem?: string
  /** Ends the boot watcher of the present machine. */
  bootWatch?: AbortController
  /** Last results of the two status checks. */
  checks: StatusChecks
  /** Changes of the metadata options that are not in force yet. */
  pendingMetadataChanges: number
  /** There is work that the running loop has not seen yet. */
  isDirty: boolean
  isRunning: boolean
  /** It is woken again after a while anyhow. */
  isToBeWoken: boolean
  readonly waiters: Set<() => void>
}

export type CheckStatus = 'initializing' | 'ok' | 'impaired' | 'insufficient-data' | 'not-applicable'

export interface StatusChecks {
  /** QEMU answers. */
  system: CheckStatus
  /** The guest is reachable on the network. */
  instance: CheckStatus
  /** Since when `instance` is impaired. */
  impairedSince?: Date
}

/** A runtime of which nothing is known yet. */
export function createRuntime(id: string): InstanceRuntime {
  return {
    id,
    checks: { system: 'not-applicable', instance: 'not-applicable' },
    pendingMetadataChanges: 0,
    isDirty: false,
    isRunning: false,
    isToBeWoken: false,
    waiters: new Set(),
  }
}

/** Wakes everything that waits for a change of this instance. */
export function notifyRuntime(runtime: InstanceRuntime): void {
  for (const waiter of [...runtime.waiters]) waiter()
}

/** Resolves true as soon as `isDone` holds, looked at after each notification; false when `timeoutMs` have passed first. */
export async function waitForRuntime(
  runtime: InstanceRuntime,
  isDone: () => boolean,
  timeoutMs: number,
): Promise<boolean> {
  if (isDone()) return true
  return await new Promise<boolean>((resolve) => {
    const finish = (result: boolean) => {
      clearTimeout(timer)
      runtime.waiters.delete(look)
      resolve(result)
    }
    const look = () => {
      if (isDone()) finish(true)
    }
    const timer = setTimeout(() => finish(isDone()), timeoutMs)
    runtime.waiters.add(look)
  })
}
