/** Where a call came from. */
export interface AuditSource {
  /** The EC2 endpoint, the daemon's own socket, a schedule of the account, or a build of a pipeline. */
  readonly kind: 'query' | 'socket' | 'schedule' | 'pipeline'
  /** Address of the client of the EC2 endpoint. */
  readonly address?: string
  /** The VPC in which that address is, when a guest called. */
  readonly vpcId?: string
}

/** One call that changed something, or that would have. */
export interface AuditRecord {
  /** Rising; there may be gaps. */
  readonly number: number
  readonly time: string
  readonly requestId: string
  readonly accountId: string
  readonly region: string
  readonly operation: string
  /** Who: IAM's name of the caller, and the key that signed. */
  readonly arn: string
  readonly accessKeyId?: string
  readonly source: AuditSource
  /** What was asked for, without secrets; cut where it is long. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** Ids that the answer names, such as that of the instance that was launched. */
  readonly resourceIds?: readonly string[]
  /** Absent when it was done. */
  readonly error?: { readonly code: string; readonly message: string }
}

/** What the log says of a call before its outcome is known. */
export type AuditedCall = Omit<AuditRecord, 'number' | 'resourceIds' | 'error'>

/** Calls after a number, of one operation when it is named. */
export interface AuditQuery {
  readonly after: number
  readonly limit: number
  readonly operation?: string | undefined
}
