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

/** Ends a transfer of any kind, if it is not over; resolves to what became of it. */
export async function endTransfer({ store, transfers }: Domain, transfer: TransferRecord): Promise<TransferRecord> {
  store.transaction(() => {
    const present = store.transfers.find(transfer.id)
    if (present?.state === 'active') recordEnd({ store }, present, 'Cancelled')
  })
  await transfers.cancel(transfer.id)
  return store.transfers.find(transfer.id) ?? transfer
}

function recordEnd({ store }: Pick<Domain, 'store'>, transfer: TransferRecord, statusMessage: string): void {
  store.transfers.replace({ ...transfer, state: 'deleting', isCancelled: true, statusMessage })
}

/** Answers the task as it was. Throws IncorrectState for one that is over. */
function cancel(
  domain: Domain,
  context: MutationContext,
  prefix: IdPrefix,
  id: string,
  reason: string | undefined,
): TransferRecord {
  const { store, transfers } = domain
  const transfer = findOne(prefix, id, (wanted) => store.transfers.get(context, wanted))
  if (transfer.state !== 'active') {
    throw new Ec2Error('IncorrectState', `The task '${id}' is in the '${transfer.state}' state.`)
  }
  recordEnd(domain, transfer, reason ? `Cancelled: ${reason.slice(0, 255)}` : 'Cancelled')
  context.afterCommit(() => void transfers.cancel(id))
  return transfer
}
