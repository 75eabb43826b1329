import type { Domain } from '../../ec2/domain.ts'
import { findOne, type IdPrefix, newId } from '../../ec2/ids.ts'
import type { CallContext, MutationContext } from '../../ec2/operation.ts'
import type { TaskRecord, Transfer } from '../../ec2/task/task.ts'
import { endTransfer } from '../../ec2/transfer/cancel-transfer.ts'
import type { TransferRecord } from '../../ec2/transfer/transfer.ts'
import type { AnyOperation } from '../dispatch.ts'
import { query } from '../kiln-operation.ts'
import type { TaskDescription } from '../kiln/task.ts'
import { describeTransfer } from './describe-transfer.ts'

/** Tasks: work that outlasts the call that asked for it, that of EC2's own tasks of images and snapshots included. */
export function kilnTaskOperations(domain: Domain): Record<string, AnyOperation> {
  return {
    KilnDescribeTasks: query('KilnDescribeTasks', (context, input) => {
      const { store } = domain
      const found = input.TaskIds?.length
        ? input.TaskIds.map((id) => findWork(domain, context, id))
        : [...store.tasks.list(context), ...store.transfers.list(context)]
      return { Tasks: found.map((work) => describeWork(domain, work)) }
    }),
    KilnCancelTask: {
      ...query('KilnCancelTask', async (context, input) => {
        const work = findWork(domain, context, input.TaskId)
        if (isTransfer(work)) return { Task: describeTransfer(domain, await endTransfer(domain, work)) }
        await domain.tasks.cancel(work.id)
        return { Task: describeTask(domain, domain.store.tasks.get(context, work.id) ?? work) }
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

/** What EC2 has operations for has ids of its own. */
const transferPrefixes: readonly IdPrefix[] = ['import-ami', 'import-snap', 'export-ami']

function findWork({ store }: Domain, context: CallContext, id: string): TaskRecord | TransferRecord {
  const prefix = transferPrefixes.find((candidate) => id.startsWith(`${candidate}-`)) ?? 'task'
  return findOne<TaskRecord | TransferRecord>(
    prefix,
    id,
    (wanted) => store.tasks.get(context, wanted) ?? store.transfers.get(context, wanted),
  )
}

function describeWork(domain: Domain, work: TaskRecord | TransferRecord): TaskDescription {
  return isTransfer(work) ? describeTransfer(domain, work) : describeTask(domain, work)
}

/** The states of the two have no name in common; their kinds have. */
function isTransfer(work: TaskRecord | TransferRecord): work is TransferRecord {
  return ['active', 'deleting', 'deleted', 'completed'].includes(work.state)
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
    ...(task.transfer ? { Transfer: describeMoved(task.transfer) } : {}),
    ...(task.error ? { Error: { Code: task.error.code, Message: task.error.message } } : {}),
    StartedAt: task.startedAt,
    ...(task.endedAt ? { EndedAt: task.endedAt } : {}),
  }
}

function describeMoved({ digest, movedBytes, skippedBytes }: Transfer): NonNullable<TaskDescription['Transfer']> {
  return { Digest: digest, MovedBytes: movedBytes, SkippedBytes: skippedBytes }
}
