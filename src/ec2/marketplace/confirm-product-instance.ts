import type { Domain } from '../domain.ts'
import { Ec2Error, missingParameter } from '../errors.ts'
import { requireWellFormed } from '../ids.ts'
import type { Ec2Query } from '../operation.ts'

/** ConfirmProductInstance: tells the publisher of a product whether an instance, of whatever account, is one of that product. */
export function confirmProductInstance({ store, marketplace }: Domain): Ec2Query<'ConfirmProductInstance'> {
  return {
    kind: 'query',
    parameters: ['InstanceId', 'ProductCode'],
    answer: ({ accountId, region }, { InstanceId: id = '', ProductCode: code }) => {
      if (!code) throw missingParameter('ProductCode')
      requireWellFormed('i', id)
      if (marketplace.findByCode(code)?.publisher.accountId !== accountId) {
        throw new Ec2Error('AuthFailure', `The product code '${code.slice(0, 80)}' is not owned by the caller.`, 403)
      }
      const instance = store.instances.find(id)
      const isOfProduct = instance?.region === region && instance.productCodes?.includes(code) === true
      return isOfProduct ? { OwnerId: instance.accountId, Return: true } : { Return: false }
    },
  }
}
