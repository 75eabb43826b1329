import { setTimeout as sleep } from 'node:timers/promises'
import { OperationError } from '../api/contract.ts'
import type { TaskDescription } from '../api/kiln/task.ts'
import type { KilnClient } from './client.ts'
import { CliError, exitCode, ExitRequest } from './failure.ts'
import { createProgressDisplay } from './render/progress.ts'
import { note, type Session } from './session.ts'

const pollIntervalMs = 300

/**
 * Shows on standard error how a task gets on, until it ends; resolves to the task that succeeded. Ctrl-C cancels the task, says what
 * `whenCancelled` says, and ends with 130.
 */
export async function followTask(
  session: Session,
  client: KilnClient,
  taskId: string,
  whenCancelled: string,
): Promise<TaskDescription> {
  const display = createProgressDisplay(session.stderr)
  try {
    for (;;) {
      const { Tasks } = await client.call('KilnDescribeTasks', { TaskIds: [taskId] })
      const task = Tasks[0]
      if (!task) throw new CliError('The daemon no longer knows the task.', { hint: 'See: kiln logs --daemon' })
      if (task.State !== 'running') {
        display.clear()
        return requireSuccess(session, task)
      }
      display.show({
        stage: task.Stage,
        doneBytes: task.DoneBytes,
        totalBytes: task.TotalBytes,
        percent: task.ProgressPercentage,
        detail: task.Detail,
      })
      await sleep(pollIntervalMs, undefined, { signal: session.signal }).catch(() => undefined)
      if (session.signal.aborted) {
        const { Task } = await client.call('KilnCancelTask', { TaskId: taskId })
        display.clear()
        // It may have ended a moment before.
        if (Task.State === 'succeeded') return requireSuccess(session, Task)
        note(session, whenCancelled)
        throw new ExitRequest(exitCode.interrupted)
      }
    }
  } finally {
    display.clear()
  }
}

function requireSuccess(session: Session, task: TaskDescription): TaskDescription {
  if (task.State === 'succeeded') {
    if (task.Note) note(session, task.Note)
    return task
  }
  throw new OperationError(task.Error?.Code ?? 'InternalError', task.Error?.Message ?? `The task was ${task.State}.`)
}
