import type { Ec2Operations } from '../../ec2-model/operations.ts'
import type { Scope } from './store.ts'

/** Calls an operation as the owner of an account, the way that any client's call goes. Rejects with Ec2Error. */
export interface AccountCaller {
  <Name extends keyof Ec2Operations>(
    scope: Scope,
    name: Name,
    input: Ec2Operations[Name]['input'],
  ): Promise<Ec2Operations[Name]['output']>
}
