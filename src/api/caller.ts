import type { CallerIdentity } from '../ec2/access/identity.ts'
import type { AuditSource } from '../ec2/audit/audit.ts'

/** Who calls, and how the call came in. */
export interface Caller {
  /** Twelve digits. */
  readonly accountId: string
  /** EC2's name of the region that the call is for. */
  readonly region: string
  readonly identity: CallerIdentity
  readonly source: AuditSource
  readonly requestId: string
}
