import type { GetCallerIdentityResponse } from '@aws-sdk/client-sts'
import type { Query } from '../ec2/operation.ts'

/** STS GetCallerIdentity: an access key stands for its account's root as yet. */
export function getCallerIdentity(): Query<Record<string, never>, GetCallerIdentityResponse> {
  return {
    kind: 'query',
    parameters: [],
    answer: ({ accountId }) => ({ UserId: accountId, Account: accountId, Arn: `arn:aws:iam::${accountId}:root` }),
  }
}
