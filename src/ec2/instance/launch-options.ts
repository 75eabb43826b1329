import type { RunInstancesRequest } from '@aws-sdk/client-ec2'
import { invalidParameterCombination, unsupportedOperation } from '../errors.ts'
import { refuseOtherMembers, requireOneOf } from '../honoured.ts'
import type { InstanceType } from '../instance-type/instance-type.ts'
import type { Scope, Store } from '../ports/store.ts'
import { readCpuOptions } from './cpu-options.ts'
import { defaultCreditsOf, readCpuCredits } from './credit-specification.ts'
import type { CpuCredits, CpuOptions } from './instance.ts'

/** What of a launch's rarer options is kept with the instance. */
export interface LaunchOptions {
  readonly isMonitored: boolean
  readonly autoRecovery: 'default' | 'disabled'
  readonly capacityReservationPreference: 'open' | 'none'
  readonly isHibernationConfigured?: boolean
  readonly cpuOptions?: CpuOptions
  /** Only of burstable types. */
  readonly cpuCredits?: CpuCredits
}

const operation = 'RunInstances'

/**
 * Reads the options that tools send whether or not anybody asked for them (Terraform, Packer, launch wizards). Where Kiln has one way
 * only, exactly the values that mean this way are taken.
 */
export function readLaunchOptions(
  store: Store,
  scope: Scope,
  type: InstanceType,
  input: RunInstancesRequest,
): LaunchOptions {
  requireDefaults(input)
  const cpuOptions = readCpuOptions(operation, type, input.CpuOptions)
  refuseOtherMembers(operation, 'Monitoring', input.Monitoring, ['Enabled'])
  refuseOtherMembers(operation, 'MaintenanceOptions', input.MaintenanceOptions, ['AutoRecovery'])
  const cpuCredits = chooseCpuCredits(store, scope, type, input.CreditSpecification)
  return {
    isMonitored: input.Monitoring?.Enabled ?? false,
    autoRecovery: input.MaintenanceOptions?.AutoRecovery ?? 'default',
    capacityReservationPreference: readReservationPreference(input.CapacityReservationSpecification),
    ...(input.HibernationOptions?.Configured ? { isHibernationConfigured: true } : {}),
    ...(cpuOptions ? { cpuOptions } : {}),
    ...(cpuCredits ? { cpuCredits } : {}),
  }
}

/** Refuses options that ask for what no machine of Kiln's has. */
export function requireDefaults(input: Partial<RunInstancesRequest>): void {
  requireOneOf(operation, 'EnclaveOptions.Enabled', input.EnclaveOptions?.Enabled, [false])
  const { BandwidthWeighting: weighting } = input.NetworkPerformanceOptions ?? {}
  requireOneOf(operation, 'NetworkPerformanceOptions.BandwidthWeighting', weighting, ['default'])
}

function readReservationPreference(given: RunInstancesRequest['CapacityReservationSpecification']): 'open' | 'none' {
  refuseOtherMembers(operation, 'CapacityReservationSpecification', given, ['CapacityReservationPreference'])
  const preference = given?.CapacityReservationPreference ?? 'open'
  if (preference === 'open' || preference === 'none') return preference
  throw unsupportedOperation('Capacity reservations are not supported by Kiln: use open or none.')
}

function chooseCpuCredits(
  store: Store,
  scope: Scope,
  type: InstanceType,
  given: RunInstancesRequest['CreditSpecification'],
): CpuCredits | undefined {
  if (given?.CpuCredits === undefined) return defaultCreditsOf(store, scope, type)
  const credits = readCpuCredits(given.CpuCredits)
  if (type.isBurstable) return credits
  throw invalidParameterCombination(`The instance type ${type.name} has no CPU credits: leave CreditSpecification out.`)
}
