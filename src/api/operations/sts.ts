import type { Domain } from '../../ec2/domain.ts'
import { assumeRole, getCallerIdentity, getSessionToken } from '../../ec2/access/sts-operations.ts'
import type { AnyOperation } from '../dispatch.ts'

/** Operations of the Security Token Service, answered on the same port. */
export function stsOperations(domain: Domain) {
  return {
    GetCallerIdentity: getCallerIdentity(),
    GetSessionToken: getSessionToken(domain),
    AssumeRole: assumeRole(domain),
  } satisfies Record<string, AnyOperation>
}
