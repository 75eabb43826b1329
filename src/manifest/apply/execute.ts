import type { Operation } from '../plan/plan.ts'

/** How an operation ended. */
export type Outcome =
  | { readonly state: 'done' }
  | { readonly state: 'failed'; readonly error: unknown }
  /** Not begun, because of another one or because of Ctrl-C; or left waiting by Ctrl-C. */
  | { readonly state: 'skipped'; readonly because: string }

/** Told of each operation as it goes. */
export interface ExecutionFollower {
  onStart(id: string): void
  onProgress(id: string, text: string): void
  onEnd(id: string, outcome: Outcome): void
}

export interface Execution {
  readonly operations: readonly Operation[]
  /** Does one; rejects when it fails. Whatever it waits for ends with the signal, by an `Interruption`. */
  readonly perform: (operation: Operation, tell: (text: string) => void) => Promise<void>
  readonly follower: ExecutionFollower
  /** Aborted: what is under way is finished, nothing new is begun. */
  readonly signal: AbortSignal
}

/** A wait that was given up because the user interrupted; what was waited for goes on without us. */
export class Interruption extends Error {
  override readonly name = 'Interruption'
}

const maximumParallel = 16

/** Carries operations out, each as soon as those it waits for are done; a failure stops only what depends on it. Never rejects. */
export async function executeOperations(execution: Execution): Promise<ReadonlyMap<string, Outcome>> {
  const { operations, perform, follower, signal } = execution
  const outcomes = new Map<string, Outcome>()
  const waiting = new Set(operations)
  const running = new Set<Promise<void>>()

  function end(id: string, outcome: Outcome): void {
    outcomes.set(id, outcome)
    follower.onEnd(id, outcome)
  }

  async function run(operation: Operation): Promise<void> {
    const { id } = operation
    follower.onStart(id)
    try {
      await perform(operation, (text) => follower.onProgress(id, text))
      end(id, { state: 'done' })
    } catch (error) {
      end(id, error instanceof Interruption ? { state: 'skipped', because: error.message } : { state: 'failed', error })
    }
  }

  function beginWhatCan(): void {
    for (const operation of waiting) {
      const cause = signal.aborted ? 'interrupted' : findObstacle(operation, outcomes)
      if (cause !== undefined) {
        waiting.delete(operation)
        end(operation.id, { state: 'skipped', because: cause })
        // Others may be waiting for this one: begin anew.
        return beginWhatCan()
      }
      if (running.size >= maximumParallel || !operation.after.every((id) => outcomes.has(id))) continue
      waiting.delete(operation)
      const done = run(operation).finally(() => running.delete(done))
      running.add(done)
    }
  }

  for (;;) {
    beginWhatCan()
    if (running.size === 0) break
    await Promise.race(running)
  }
  for (const { id } of waiting) end(id, { state: 'skipped', because: 'waits for itself' })
  return outcomes
}

function findObstacle(operation: Operation, outcomes: ReadonlyMap<string, Outcome>): string | undefined {
  const obstacle = operation.after.find((id) => (outcomes.get(id)?.state ?? 'done') !== 'done')
  return obstacle === undefined ? undefined : `needs: ${obstacle}`
}
