import type { Domain } from '../domain.ts'
import type { Scope } from '../ports/store.ts'
import { requireQuota } from '../quota.ts'
import type { TransferRecord } from './transfer.ts'

/** Throws ResourceLimitExceeded when as many transfers of these kinds as an account may have are under way. */
export function requireTransferQuota(
  { store, settings }: Pick<Domain, 'store' | 'settings'>,
  { accountId, region }: Scope,
  kinds: readonly TransferRecord['kind'][],
): void {
  const active = store.transfers.listBy('state', 'active')
  const own = active.filter((transfer) => transfer.accountId === accountId && transfer.region === region)
  requireQuota(settings.quotas, 'activeTransfers', {
    present: own.filter(({ kind }) => kinds.includes(kind)).length,
    code: 'ResourceLimitExceeded',
  })
}
