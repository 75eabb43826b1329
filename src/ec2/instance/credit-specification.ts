import { defineAccountSetting } from '../account-setting.ts'
import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import type { InstanceType } from '../instance-type/instance-type.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import type { Scope, Store } from '../ports/store.ts'
import type { CpuCredits, InstanceRecord } from './instance.ts'

/** What an account has chosen for a family of burstable types, where that is not EC2's default. */
const defaultCredits = defineAccountSetting<Readonly<Record<string, CpuCredits>>>('default-credit-specification', {})

/** GetDefaultCreditSpecification: how launches of a family pay that do not say. */
export function getDefaultCreditSpecification({
  store,
  instanceTypes,
}: Domain): Ec2Query<'GetDefaultCreditSpecification'> {
  return {
    kind: 'query',
    parameters: ['InstanceFamily'],
    isRecordOnly: true,
    answer: (context, input) => {
      const family = requireFamily(instanceTypes.list(), input.InstanceFamily)
      const CpuCredits = creditsOfFamily(store, context, family)
      return { InstanceFamilyCreditSpecification: { InstanceFamily: family, CpuCredits } }
    },
  }
}

/** ModifyDefaultCreditSpecification: for launches to come. */
export function modifyDefaultCreditSpecification({
  store,
  instanceTypes,
}: Domain): Ec2Mutation<'ModifyDefaultCreditSpecification'> {
  return {
    kind: 'mutation',
    parameters: ['InstanceFamily', 'CpuCredits'],
    isRecordOnly: true,
    apply: (context, input) => {
      const family = requireFamily(instanceTypes.list(), input.InstanceFamily)
      const credits = readCpuCredits(input.CpuCredits ?? '')
      defaultCredits.put(store, context, { ...defaultCredits.get(store, context), [family]: credits })
      return { InstanceFamilyCreditSpecification: { InstanceFamily: family, CpuCredits: credits } }
    },
  }
}

/** Throws InvalidParameterValue for what is neither. */
export function readCpuCredits(given: string): CpuCredits {
  if (given === 'standard' || given === 'unlimited') return given
  throw new Ec2Error(
    'InvalidParameterValue',
    `Invalid value '${given.slice(0, 80)}' for CpuCredits. Expected standard or unlimited.`,
  )
}

/** How an instance of a type pays when nobody has said: as the account has it, else T2 `standard` and later families `unlimited`. */
export function defaultCreditsOf(store: Store, scope: Scope, type: InstanceType): CpuCredits | undefined {
  return type.isBurstable ? creditsOfFamily(store, scope, familyOf(type.name)) : undefined
}

/** How a burstable instance pays: what was settled when it was launched or changed its type. */
export function creditsOf({ cpuCredits, instanceType }: InstanceRecord): CpuCredits {
  return cpuCredits ?? initialCreditsOf(familyOf(instanceType))
}

function creditsOfFamily(store: Store, scope: Scope, family: string): CpuCredits {
  return defaultCredits.get(store, scope)[family] ?? initialCreditsOf(family)
}

function initialCreditsOf(family: string): CpuCredits {
  return family === 't2' ? 'standard' : 'unlimited'
}

function familyOf(type: string): string {
  return type.split('.')[0] ?? ''
}

function requireFamily<Family extends string>(types: readonly InstanceType[], family: Family | undefined): Family {
  if (family !== undefined && types.some((type) => type.isBurstable && familyOf(type.name) === family)) return family
  throw new Ec2Error('InvalidParameterValue', `Invalid value '${String(family).slice(0, 80)}' for InstanceFamily.`)
}
