import type { Domain } from '../domain.ts'
import type { Ec2Query } from '../operation.ts'
import { findInstance } from './find-instance.ts'

/** GetPasswordData: only Windows has a password to tell; for everything else EC2 answers with an empty one. */
export function getPasswordData({ store }: Domain): Ec2Query<'GetPasswordData'> {
  return {
    kind: 'query',
    parameters: ['InstanceId'],
    answer: (context, input) => ({
      InstanceId: findInstance(store, context, input.InstanceId).id,
      Timestamp: context.now,
      PasswordData: '',
    }),
  }
}
