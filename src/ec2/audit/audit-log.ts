import type { Logger } from 'pino'
import type { Ec2Error } from '../errors.ts'
import type { Store } from '../ports/store.ts'
import type { AuditedCall } from './audit.ts'
import { findResourceIds } from './describe-call.ts'

/** Keeps who changed what. */
export interface AuditLog {
  /** Inside the transaction of what was done: both are on disk, or neither. */
  recordDone(call: AuditedCall, output: unknown): void
  /** After a refusal. Does not throw: a log that cannot be written does not change the answer. */
  recordRefused(call: AuditedCall, refusal: Ec2Error): void
}

export function createAuditLog({ store, log }: { readonly store: Store; readonly log: Logger }): AuditLog {
  return {
    recordDone: (call, output) => {
      const resourceIds = findResourceIds(output)
      store.transaction(() => store.audit.append({ ...call, ...(resourceIds.length > 0 ? { resourceIds } : {}) }))
    },
    recordRefused: (call, { code, message }) => {
      try {
        store.transaction(() => store.audit.append({ ...call, error: { code, message: message.slice(0, 500) } }))
      } catch (error) {
        log.error({ requestId: call.requestId, err: error }, 'a refused call could not be recorded')
      }
    },
  }
}
