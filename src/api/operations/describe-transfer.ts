import type { Domain } from '../../ec2/domain.ts'
import { formatObjectUrl } from '../../ec2/transfer/object-url.ts'
import type { ImportedDisk, TransferRecord } from '../../ec2/transfer/transfer.ts'
import type { TaskDescription } from '../kiln/task.ts'

/** EC2's own tasks of imports, exports, stores and restores, as Kiln's other tasks are told of. */
export function describeTransfer({ transfers }: Pick<Domain, 'transfers'>, transfer: TransferRecord): TaskDescription {
  const { id, kind, startedAt, endedAt } = transfer
  const state = stateOf(transfer)
  const progress = transfers.progressOf(id)
  return {
    TaskId: id,
    Kind: kind,
    Subject: subjectOf(transfer),
    State: state,
    Stage: progress ? sentence(progress.stage) : state,
    ...(progress ? { ProgressPercentage: progress.percent } : {}),
    ...(state === 'succeeded' ? resultOf(transfer) : {}),
    ...(state === 'failed' ? { Error: errorOf(transfer) } : {}),
    StartedAt: startedAt,
    ...(endedAt === undefined ? {} : { EndedAt: endedAt }),
  }
}

function stateOf({ state, isCancelled }: TransferRecord): TaskDescription['State'] {
  if (state === 'completed') return 'succeeded'
  if (state !== 'deleted') return 'running'
  return isCancelled ? 'cancelled' : 'failed'
}

function subjectOf(transfer: TransferRecord): string {
  if (transfer.kind === 'import-image') return transfer.disks.map(sourceOf).join(', ')
  return transfer.kind === 'import-snapshot' ? sourceOf(transfer.disk) : transfer.imageId
}

function sourceOf({ source }: ImportedDisk): string {
  switch (source.kind) {
    case 'snapshot':
      return source.snapshotId
    case 'object':
      return formatObjectUrl(source)
    case 'file':
      return source.path
    case 'url': {
      // A query may hold a secret that lends access.
      const { origin, pathname } = new URL(source.url)
      return `${origin}${pathname}`
    }
  }
}

function resultOf(transfer: TransferRecord): Pick<TaskDescription, 'ImageId' | 'SnapshotId'> {
  switch (transfer.kind) {
    case 'import-snapshot':
      return transfer.disk.snapshotId === undefined ? {} : { SnapshotId: transfer.disk.snapshotId }
    case 'import-image':
    case 'restore-image':
      return transfer.imageId === undefined ? {} : { ImageId: transfer.imageId }
    case 'export-image':
    case 'store-image':
      return {}
  }
}

/** EC2 puts whose mistake it was before the message. */
function errorOf({ statusMessage = '' }: TransferRecord): { Code: string; Message: string } {
  const [, code = 'ServerError', message = statusMessage] = /^(\w+Error): (.*)$/s.exec(statusMessage) ?? []
  return { Code: code, Message: message }
}

function sentence(stage: string): string {
  return stage.charAt(0).toUpperCase() + stage.slice(1)
}
