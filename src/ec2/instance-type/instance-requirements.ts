import type { InstanceRequirementsRequest } from '@aws-sdk/client-ec2'
import { invalidParameterCombination, missingParameter } from '../errors.ts'
import { compileGlob, matchesGlob } from '../glob.ts'
import { refuseOtherMembers } from '../honoured.ts'
import type { InstanceType } from './instance-type.ts'

/** A span of a number; EC2 leaves either end open. */
interface Span {
  readonly Min?: number | undefined
  readonly Max?: number | undefined
}

const honoured = [
  'VCpuCount',
  'MemoryMiB',
  'CpuManufacturers',
  'MemoryGiBPerVCpu',
  'AllowedInstanceTypes',
  'ExcludedInstanceTypes',
  'InstanceGenerations',
  // Every type costs the same here, nothing: protection against dear ones leaves none out.
  'SpotMaxPricePercentageOverLowestPrice',
  'OnDemandMaxPricePercentageOverLowestPrice',
  'MaxSpotPriceAsPercentageOfOptimalOnDemandPrice',
  'BareMetal',
  'BurstablePerformance',
  'RequireHibernateSupport',
  'NetworkInterfaceCount',
  'LocalStorage',
  'LocalStorageTypes',
  'TotalLocalStorageGB',
  'AcceleratorTypes',
  'AcceleratorCount',
  'AcceleratorManufacturers',
  'AcceleratorNames',
  'AcceleratorTotalMemoryMiB',
  'RequireEncryptionInTransit',
]

/**
 * The types that have what is required, the smallest first. Throws UnsupportedOperation for requirements on figures that Kiln does not
 * have, MissingParameter and InvalidParameterCombination.
 */
export function selectTypes(
  operation: string,
  types: readonly InstanceType[],
  requirements: InstanceRequirementsRequest,
): InstanceType[] {
  refuseOtherMembers(operation, 'InstanceRequirements', requirements, honoured)
  if (requirements.VCpuCount?.Min === undefined) throw missingParameter('InstanceRequirements.VCpuCount.Min')
  if (requirements.MemoryMiB?.Min === undefined) throw missingParameter('InstanceRequirements.MemoryMiB.Min')
  if (requirements.AllowedInstanceTypes?.length && requirements.ExcludedInstanceTypes?.length) {
    throw invalidParameterCombination(
      'The parameters AllowedInstanceTypes and ExcludedInstanceTypes may not be used together',
    )
  }
  if (wantsMoreThanThereIs(requirements)) return []
  return types
    .filter((type) => hasShape(type, requirements) && isOfKind(type, requirements))
    .sort((a, b) => a.memoryMib - b.memoryMib || a.vCpus - b.vCpus || (a.name < b.name ? -1 : 1))
}

/** No machine here has local disks, accelerators, or is a whole server. */
function wantsMoreThanThereIs(requirements: InstanceRequirementsRequest): boolean {
  return (
    requirements.BareMetal === 'required' ||
    requirements.RequireEncryptionInTransit === true ||
    requirements.LocalStorage === 'required' ||
    (requirements.TotalLocalStorageGB?.Min ?? 0) > 0 ||
    (requirements.AcceleratorCount?.Min ?? 0) > 0 ||
    (requirements.AcceleratorTotalMemoryMiB?.Min ?? 0) > 0 ||
    [requirements.AcceleratorTypes, requirements.AcceleratorManufacturers, requirements.AcceleratorNames].some(
      (list) => (list?.length ?? 0) > 0,
    )
  )
}

function hasShape(type: InstanceType, requirements: InstanceRequirementsRequest): boolean {
  return (
    isWithin(type.vCpus, requirements.VCpuCount) &&
    isWithin(type.memoryMib, requirements.MemoryMiB) &&
    isWithin(type.memoryMib / 1024 / type.vCpus, requirements.MemoryGiBPerVCpu) &&
    isWithin(type.maximumInterfaces, requirements.NetworkInterfaceCount)
  )
}

/** By default burstable types are left out, and all generations let in. */
function isOfKind(type: InstanceType, requirements: InstanceRequirementsRequest): boolean {
  const { CpuManufacturers: makers = [], InstanceGenerations: generations = [] } = requirements
  const { AllowedInstanceTypes: allowed = [], ExcludedInstanceTypes: excluded = [] } = requirements
  const burstable = requirements.BurstablePerformance ?? 'excluded'
  if (type.isBurstable ? burstable === 'excluded' : burstable === 'required') return false
  if (makers.length > 0 && !(makers as readonly string[]).includes(type.manufacturer)) return false
  if (generations.length > 0 && !generations.includes(type.isCurrentGeneration ? 'current' : 'previous')) return false
  if (allowed.length > 0 && !isNamed(type, allowed)) return false
  return !isNamed(type, excluded)
}

function isNamed({ name }: InstanceType, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => matchesGlob(compileGlob(pattern), name))
}

function isWithin(value: number, span: Span | undefined): boolean {
  return value >= (span?.Min ?? 0) && value <= (span?.Max ?? Number.POSITIVE_INFINITY)
}
