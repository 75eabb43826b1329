import type { Domain } from '../../ec2/domain.ts'
import { findAll, findOne, newId } from '../../ec2/ids.ts'
import type { MutationContext } from '../../ec2/operation.ts'
import type { TaskRecord, Transfer } from '../../ec2/task/task.ts'
import type { AnyOperation } from '../dispatch.ts'
import { query } from '../kiln-operation.ts'
import type { TaskDescription } from '../kiln/task.ts'

/** Tasks: work that outlasts the call that asked for it. */
export function kilnTaskOperations(domain: Domain): Record<string, AnyOperation> {
  return {
    KilnDescribeTasks: query('KilnDescribeTasks', (context, input) => {
      const { store } = domain
      const tasks = input.TaskIds?.length
        ? findAll('task', input.TaskIds, (id) => store.tasks.get(context, id))
        : store.tasks.list(context)
      return { Tasks: tasks.map((task) => describeTask(domain, task)) }
    }),
    KilnCancelTask: {
      ...query('KilnCancelTask', async (context, input) => {
        const task = findOne('task', input.TaskId, (id) => domain.store.tasks.get(context, id))
        await domain.tasks.cancel(task.id)
        return { Task: describeTask(domain, domain.store.tasks.get(context, task.id) ?? task) }
      }),
      isAudited: true,
    },
  }
}

/** Records a task and starts its work once that is on disk; inside a mutation. */
export function startTask(
  domain: Domain,
  context: MutationContext,
  kind: TaskRecord['kind'],
  subject: string,
  work: Parameters<Domain['tasks']['start']>[1],
  more: Pick<TaskRecord, 'destination'> = {},
): { TaskId: string } {
  const { accountId, region } = context
  const id = newId('task', domain.random)
  domain.store.tasks.insert({
    accountId,
    region,
    id,
    kind,
    subject,
    ...more,
    state: 'running',
    startedAt: context.now.toISOString(),
  })
  context.afterCommit(() => domain.tasks.start(id, work))
  return { TaskId: id }
}

function describeTask(domain: Domain, task: TaskRecord): TaskDescription {
  const progress = domain.tasks.progressOf(task.id)
  return {
    TaskId: task.id,
    Kind: task.kind,
    Subject: task.subject,
    State: task.state,
    Stage: progress?.stage ?? task.state,
    ...(progress?.doneBytes === undefined ? {} : { DoneBytes: progress.doneBytes }),
    ...(progress?.totalBytes === undefined ? {} : { TotalBytes: progress.totalBytes }),
    ...(progress?.detail === undefined ? {} : { Detail: progress.detail }),
    ...(task.imageId ? { ImageId: task.imageId } : {}),
    ...(task.note ? { Note: task.note } : {}),
    ...(task.transfer ? { Transfer: describeTransfer(task.transfer) } : {}),
    ...(task.error ? { Error: { Code: task.error.code, Message: task.error.message } } : {}),
    StartedAt: task.startedAt,
    ...(task.endedAt ? { EndedAt: task.endedAt } : {}),
  }
}

function describeTransfer({ digest, movedBytes, skippedBytes }: Transfer): NonNullable<TaskDescription['Transfer']> {
  return { Digest: digest, MovedBytes: movedBytes, SkippedBytes: skippedBytes }
}
