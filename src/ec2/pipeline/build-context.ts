import type { Clock } from '../../host/clock.ts'
import type { ImageJob, ImageWork } from '../image/image-work.ts'
import type { AccountCaller } from '../ports/account-caller.ts'
import type { GuestShells } from '../ports/guest-shell.ts'
import type { Scope, Store } from '../ports/store.ts'
import type { TaskRunner } from '../task/task-runner.ts'
import type { BuildLog } from './build-log.ts'
import type { PushStarter } from './push-to-registry.ts'
import { type Pipeline, pipelineTag } from './pipeline.ts'

/** What builds work with. */
export interface BuildDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly call: AccountCaller
  readonly shells: GuestShells
  readonly imageWork: ImageWork
  readonly startPush: PushStarter
  readonly tasks: Pick<TaskRunner, 'cancel' | 'progressOf'>
}

/** One build under way. */
export interface BuildContext extends BuildDependencies {
  readonly pipeline: Pipeline
  readonly scope: Scope
  readonly buildId: string
  readonly number: number
  /** Every parameter with the value that it has in this build. */
  readonly parameters: ReadonlyMap<string, string>
  readonly log: BuildLog
  readonly job: ImageJob
  /** Begins a phase: what a person is told that is being done. */
  enter(phase: string): void
}

/** The tags by which everything that a build makes is known again. */
export function buildTags({ pipeline, buildId, number }: Pick<BuildContext, 'pipeline' | 'buildId' | 'number'>) {
  return [
    { Key: pipelineTag.pipeline, Value: pipeline.name },
    { Key: pipelineTag.build, Value: buildId },
    { Key: pipelineTag.number, Value: String(number) },
  ]
}

const pollMs = 200

/** Waits until `look` answers something; rejects with an AbortError when the build is cancelled, and with `tooLate` after that time. */
export async function waitFor<T>(
  { clock, job }: Pick<BuildContext, 'clock' | 'job'>,
  timeoutMs: number,
  tooLate: () => Error,
  look: () => T | undefined,
): Promise<T> {
  const endMs = clock.monotonicMs() + timeoutMs
  for (;;) {
    job.signal.throwIfAborted()
    const found = look()
    if (found !== undefined) return found
    if (clock.monotonicMs() > endMs) throw tooLate()
    await clock.sleep(pollMs, job.signal)
  }
}
