import type { UnsuccessfulInstanceCreditSpecificationItem } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, incorrectInstanceState, missingParameter } from '../errors.ts'
import type { Ec2Mutation } from '../operation.ts'
import type { Scope } from '../ports/store.ts'
import { readCpuCredits } from './credit-specification.ts'
import { findInstance, hasEnded } from './find-instance.ts'
import type { CpuCredits } from './instance.ts'

type ErrorCode = NonNullable<UnsuccessfulInstanceCreditSpecificationItem['Error']>['Code']

/** ModifyInstanceCreditSpecification: each instance by itself; what cannot be done to one is told beside those that were done. */
export function modifyInstanceCreditSpecification(domain: Domain): Ec2Mutation<'ModifyInstanceCreditSpecification'> {
  return {
    kind: 'mutation',
    parameters: ['InstanceCreditSpecifications', 'ClientToken'],
    isRecordOnly: true,
    apply: (context, input) => {
      const wanted = (input.InstanceCreditSpecifications ?? []).map(({ InstanceId: id, CpuCredits: credits }) => {
        if (credits === undefined) throw missingParameter('InstanceCreditSpecification.CpuCredits')
        return { id: id ?? '', credits: readCpuCredits(credits) }
      })
      const done: { InstanceId: string }[] = []
      const refused: UnsuccessfulInstanceCreditSpecificationItem[] = []
      for (const { id, credits } of wanted) {
        const error = changeCredits(domain, context, id, credits)
        if (!error) done.push({ InstanceId: id })
        else refused.push({ InstanceId: id, Error: { Code: error.code as ErrorCode, Message: error.message } })
      }
      return { SuccessfulInstanceCreditSpecifications: done, UnsuccessfulInstanceCreditSpecifications: refused }
    },
  }
}

/** Answers why it could not be done. */
function changeCredits(
  { store, instanceTypes }: Domain,
  scope: Scope,
  id: string,
  cpuCredits: CpuCredits,
): Ec2Error | undefined {
  try {
    const instance = findInstance(store, scope, id)
    if (hasEnded(instance)) return incorrectInstanceState(id, 'modified')
    if (!instanceTypes.get(instance.instanceType).isBurstable) {
      return new Ec2Error(
        'InstanceCreditSpecification.NotSupported',
        `The instance type ${instance.instanceType} of ${id} has no CPU credits.`,
      )
    }
    store.instances.replace({ ...instance, cpuCredits })
    return undefined
  } catch (error) {
    if (error instanceof Ec2Error) return error
    throw error
  }
}
