import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { findOne, type IdPrefix } from '../ids.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import type { TransferRecord } from './transfer.ts'

/** CancelImportTask: ends the import of an image or a snapshot; what has come of it is deleted. */
export function cancelImportTask(domain: Domain): Ec2Mutation<'CancelImportTask'> {
  return {
    kind: 'mutation',
    parameters: ['ImportTaskId', 'CancelReason'],
    apply: (context, input) => {
      const { ImportTaskId: id = '', CancelReason: reason } = input
      const prefix = id.startsWith('import-snap-') ? 'import-snap' : 'import-ami'
      const { state } = cancel(domain, context, prefix, id, reason)
      return { ImportTaskId: id, PreviousState: state, State: 'deleting' }
    },
  }
}

/** CancelExportTask. */
export function cancelExportTask(domain: Domain): Ec2Mutation<'CancelExportTask'> {
  return {
    kind: 'mutation',
    parameters: ['ExportTaskId'],
    apply: (context, input) => {
      cancel(domain, context, 'export-ami', input.ExportTaskId ?? '', undefined)
      return {}
    },
  }
}

/** Answers the task as it was. Throws IncorrectState for one that is over. */
function cancel(
  { store, transfers }: Domain,
  context: MutationContext,
  prefix: IdPrefix,
  id: string,
  reason: string | undefined,
): TransferRecord {
  const transfer = findOne(prefix, id, (wanted) => store.transfers.get(context, wanted))
  if (transfer.state !== 'active') {
    throw new Ec2Error('IncorrectState', `The task '${id}' is in the '${transfer.state}' state.`)
  }
  const statusMessage = reason ? `Cancelled: ${reason.slice(0, 255)}` : 'Cancelled'
  store.transfers.replace({ ...transfer, state: 'deleting', statusMessage })
  context.afterCommit(() => transfers.cancel(id))
  return transfer
}
