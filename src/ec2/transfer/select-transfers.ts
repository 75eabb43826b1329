import { type DescribeRequest, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import type { IdPrefix } from '../ids.ts'
import type { Page } from '../page.ts'
import type { Scope } from '../ports/store.ts'
import type { TransferRecord, TransferRecordOf } from './transfer.ts'

const filters = defineFilters<TransferRecord>({ 'task-state': ({ state }) => state })

/** Of the tasks of imports and exports. */
export const taskFilterNames = filters.names

/** The transfers of one kind that a Describe call shows. */
export function selectTransfers<Kind extends TransferRecord['kind']>(
  { store }: Pick<Domain, 'store'>,
  scope: Scope,
  kind: Kind,
  prefix: IdPrefix,
  request: Pick<DescribeRequest<TransferRecord>, 'ids' | 'Filters' | 'MaxResults' | 'NextToken'> & {
    idParameter: string
  },
): Page<TransferRecordOf<Kind>> {
  const isOfKind = (transfer: TransferRecord): transfer is TransferRecordOf<Kind> => transfer.kind === kind
  const { records, token } = selectRecords(
    {
      collection: store.transfers,
      prefix,
      idParameter: request.idParameter,
      limits: { minimum: 1, maximum: 1000 },
      filters,
    },
    scope,
    { ...request, where: isOfKind, among: { kind: 'member', index: 'kind', values: [kind] } },
  )
  return { records: records.filter(isOfKind), token }
}

/** How a task stands: in percent while it is active. */
export function describeState(
  { transfers }: Pick<Domain, 'transfers'>,
  { id, state, statusMessage }: TransferRecord,
): { Status: string; StatusMessage?: string | undefined; Progress?: string | undefined } {
  if (state !== 'active') return { Status: state, StatusMessage: statusMessage }
  const { stage, percent } = transfers.progressOf(id) ?? { stage: 'pending', percent: 0 }
  return { Status: state, StatusMessage: stage, Progress: String(percent) }
}
