import type { CpuOptionsRequest } from '@aws-sdk/client-ec2'
import { Ec2Error, invalidParameterCombination } from '../errors.ts'
import { refuseOtherMembers, requireOneOf } from '../honoured.ts'
import type { InstanceType } from '../instance-type/instance-type.ts'
import type { CpuOptions, InstanceRecord } from './instance.ts'

/**
 * Cores and threads as the client wants them, at most the type's; undefined when it says nothing. Throws InvalidParameterCombination for
 * one without the other, InvalidParameterValue for what the type does not have.
 */
export function readCpuOptions(
  operation: string,
  type: InstanceType,
  options: CpuOptionsRequest | undefined,
): CpuOptions | undefined {
  if (!options) return undefined
  refuseOtherMembers(operation, 'CpuOptions', options, ['CoreCount', 'ThreadsPerCore', 'AmdSevSnp'])
  requireOneOf(operation, 'CpuOptions.AmdSevSnp', options.AmdSevSnp, ['disabled'])
  const { CoreCount: coreCount, ThreadsPerCore: threadsPerCore } = options
  if (coreCount === undefined && threadsPerCore === undefined) return undefined
  if (coreCount === undefined || threadsPerCore === undefined) {
    throw invalidParameterCombination('CpuOptions needs both, CoreCount and ThreadsPerCore.')
  }
  requireUpTo('CoreCount', coreCount, coreCountOf(type), type)
  requireUpTo('ThreadsPerCore', threadsPerCore, type.threadsPerCore, type)
  return { coreCount, threadsPerCore }
}

function requireUpTo(member: string, value: number, maximum: number, type: InstanceType): void {
  if (value >= 1 && value <= maximum) return
  throw new Ec2Error(
    'InvalidParameterValue',
    `The value ${value} of CpuOptions.${member} is not valid for the instance type ${type.name}. Use 1 to ${maximum}.`,
  )
}

/** The processors of an instance: what was chosen, else those of its type. */
export function processorsOf({ cpuOptions }: Pick<InstanceRecord, 'cpuOptions'>, type: InstanceType): CpuOptions {
  return cpuOptions ?? { coreCount: coreCountOf(type), threadsPerCore: type.threadsPerCore }
}

/** Physical cores as EC2 counts them: two threads make one where the type has them. */
export function coreCountOf(type: InstanceType): number {
  return Math.max(1, type.vCpus / type.threadsPerCore)
}
