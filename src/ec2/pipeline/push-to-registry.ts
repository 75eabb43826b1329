import type { Scope } from '../ports/store.ts'
import type { TaskRunner } from '../task/task-runner.ts'
import { type BuildContext, waitFor } from './build-context.ts'
import { buildFailed } from './build-failure.ts'
import { fillTemplate } from './template.ts'

/** Begins to push an image, and answers the id of the task that does it. */
export interface PushStarter {
  (
    scope: Scope,
    push: { imageId: string; reference: string; signingKeyFile?: string; signingKeyPassword?: string },
  ): Promise<string>
}

const pushTimeoutMs = 6 * 60 * 60_000

/**
 * Pushes the image of a build to the registries of its pipeline, the last thing that a build does: what a registry has got is not taken
 * back when the next one fails.
 */
export async function pushToRegistries(
  context: BuildContext,
  imageId: string,
  values: ReadonlyMap<string, string>,
): Promise<void> {
  const { pipeline, scope, parameters, startPush, tasks, log } = context
  for (const registry of pipeline.distribution.registries) {
    const reference = fillTemplate(registry.reference, values)
    context.enter(`Pushing to ${reference}`)
    const password = parameters.get(registry.passwordParameter ?? '')
    const taskId = await startPush(scope, {
      imageId,
      reference,
      ...(registry.signingKeyFile ? { signingKeyFile: registry.signingKeyFile } : {}),
      ...(password === undefined ? {} : { signingKeyPassword: password }),
    })
    await followPush(context, tasks, taskId, reference)
    log.say(`Pushed to ${reference}`)
  }
}

async function followPush(
  context: BuildContext,
  tasks: Pick<TaskRunner, 'cancel' | 'progressOf'>,
  taskId: string,
  reference: string,
): Promise<void> {
  try {
    await waitFor(
      context,
      pushTimeoutMs,
      () => buildFailed(`${reference} is still not pushed`),
      () => {
        const task = context.store.tasks.find(taskId)
        const progress = tasks.progressOf(taskId)
        if (progress) context.job.onProgress({ ...progress, stage: `Pushing to ${reference}: ${progress.stage}` })
        if (task?.state === 'running') return undefined
        if (task?.state === 'succeeded') return true
        throw buildFailed(`${reference} could not be pushed: ${task?.error?.message ?? 'its task is gone'}`)
      },
    )
  } catch (error) {
    await tasks.cancel(taskId)
    throw error
  }
}
