import { z } from 'zod'

/** The audit log. */
export const auditInputs = {
  /** Calls that changed something or were refused, of all accounts, after the one of that number, oldest first. */
  KilnDescribeAuditLog: z.strictObject({
    AfterNumber: z.number().int().nonnegative().optional(),
    MaxResults: z.number().int().min(1).max(1000).optional(),
    Operation: z.string().max(128).optional(),
  }),
}

export interface AuditOutputs {
  KilnDescribeAuditLog: { Entries: AuditEntry[] }
}

export interface AuditEntry {
  Number: number
  Time: string
  RequestId: string
  AccountId: string
  Region: string
  Operation: string
  /** Who called. */
  Arn: string
  /** The key that signed; absent for calls over the daemon's socket. */
  AccessKeyId?: string
  Source: 'query' | 'socket' | 'schedule' | 'pipeline'
  SourceAddress?: string
  /** Set when a guest called. */
  SourceVpcId?: string
  /** Without secrets; long ones are cut. */
  Parameters: Record<string, unknown>
  /** What the answer named. */
  ResourceIds: string[]
  /** Absent when it was done. */
  Error?: { Code: string; Message: string }
}
