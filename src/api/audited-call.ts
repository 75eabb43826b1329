import type { AuditedCall } from '../ec2/audit/audit.ts'
import { describeParameters } from '../ec2/audit/describe-call.ts'
import type { Caller } from './caller.ts'

/** What the audit log says of a call before its outcome is known. */
export function auditedCallOf(
  caller: Caller,
  operation: string,
  input: Readonly<Record<string, unknown>>,
  now: Date,
): AuditedCall {
  const { requestId, accountId, region, identity, source } = caller
  return {
    time: now.toISOString(),
    requestId,
    accountId,
    region,
    operation,
    arn: identity.arn,
    ...(identity.accessKeyId === undefined ? {} : { accessKeyId: identity.accessKeyId }),
    source,
    parameters: describeParameters(input),
  }
}
