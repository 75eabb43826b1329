import { Ec2Error, invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'

/** What the volumes of a type can be ("Amazon EBS volume types"; ranges as the API reference of CreateVolume has them). */
interface VolumeTypeRule {
  /** Smallest and largest size in GiB. */
  readonly sizeGib: readonly [smallest: number, largest: number]
  /** Absent: the type's IOPS follow from its size and are not asked for. */
  readonly iops?: {
    readonly range: readonly [least: number, most: number]
    readonly mostPerGib: number
    /** Absent: a request must say. */
    readonly usual?: number
  }
  /** In MiB/s; absent: it is not asked for. */
  readonly throughput?: {
    readonly range: readonly [least: number, most: number]
    readonly mostPerIops: number
    readonly usual: number
  }
}

const rules: Readonly<Record<string, VolumeTypeRule>> = {
  gp2: { sizeGib: [1, 16_384] },
  gp3: {
    sizeGib: [1, 65_536],
    iops: { range: [3000, 80_000], mostPerGib: 500, usual: 3000 },
    throughput: { range: [125, 2000], mostPerIops: 0.25, usual: 125 },
  },
  io1: { sizeGib: [4, 16_384], iops: { range: [100, 64_000], mostPerGib: 50 } },
  io2: { sizeGib: [4, 65_536], iops: { range: [100, 256_000], mostPerGib: 1000 } },
  st1: { sizeGib: [125, 16_384] },
  sc1: { sizeGib: [125, 16_384] },
  standard: { sizeGib: [1, 1024] },
}

/** EC2's default of ModifyVolume for a volume that was of another type. */
const usualIopsOfChange = 3000

/** Types that EC2 boots nothing from. */
const dataOnlyTypes: ReadonlySet<string> = new Set(['st1', 'sc1'])

/** The type, when there is such a one. Throws InvalidParameterValue. */
export function requireVolumeType(type: string): string {
  if (Object.hasOwn(rules, type)) return type
  throw invalidParameterValue('volumeType', type.slice(0, 80), 'Unknown volume type.')
}

/** Throws InvalidParameterValue for a type that EC2 takes for no root device. */
export function requireBootType(type: string): void {
  if (!dataOnlyTypes.has(type)) return
  throw invalidParameterValue('volumeType', type, `Volumes of type ${type} cannot be used as boot volumes.`)
}

/** Throws InvalidBlockDeviceMapping below the snapshot's size, InvalidParameterValue outside the type's range. */
export function requireVolumeSize(
  type: string,
  sizeGib: number,
  snapshot: { readonly id: string; readonly volumeSizeGib: number } | undefined,
): void {
  if (snapshot && sizeGib < snapshot.volumeSizeGib) {
    throw new Ec2Error(
      'InvalidBlockDeviceMapping',
      `Volume of size ${sizeGib}GB is smaller than snapshot '${snapshot.id}', expect size >= ${snapshot.volumeSizeGib}GB`,
    )
  }
  const [smallest = 1, largest = 16_384] = rules[type]?.sizeGib ?? []
  if (sizeGib < smallest || sizeGib > largest) {
    throw invalidParameterValue('volumeSize', sizeGib, `Volumes of type ${type} have ${smallest} to ${largest} GiB.`)
  }
}

/** The speed that a volume is given by its owner; of the other types it follows from the size (volume-limits.ts). */
export interface VolumePerformance {
  readonly iops?: number
  readonly throughputMibps?: number
}

interface TypedPerformance extends VolumePerformance {
  readonly volumeType: string
}

/** What a request says of a volume's speed. */
interface AskedPerformance {
  readonly Iops?: number | undefined
  readonly Throughput?: number | undefined
}

/**
 * The speed of a new volume: as asked, else as a `source` of the same type has it (the image's device), else the type's usual one. Throws
 * MissingParameter, InvalidParameterCombination, and InvalidParameterValue outside the type's ranges and ratios.
 */
export function choosePerformance(
  type: string,
  sizeGib: number,
  asked: AskedPerformance,
  source?: TypedPerformance,
): VolumePerformance {
  const { iops: iopsRule, throughput: throughputRule } = rules[type] ?? {}
  for (const [parameter, value, rule] of [
    ['iops', asked.Iops, iopsRule],
    ['throughput', asked.Throughput, throughputRule],
  ] as const) {
    if (value === undefined || rule) continue
    throw invalidParameterCombination(`The parameter ${parameter} is not supported for ${type} volumes.`)
  }
  if (!iopsRule) return {}
  const own = source?.volumeType === type ? source : undefined
  const iops = asked.Iops ?? own?.iops ?? iopsRule.usual
  if (iops === undefined) throw missingParameter('iops')
  requireRange('iops', iops, iopsRule.range)
  // The least comes with any size.
  if (iops > iopsRule.range[0]) requireRatio('Iops to volume size', iops / sizeGib, iopsRule.mostPerGib, 'iops per GiB')
  if (!throughputRule) return { iops }
  const throughputMibps = asked.Throughput ?? own?.throughputMibps ?? throughputRule.usual
  requireRange('throughput', throughputMibps, throughputRule.range)
  requireRatio('Throughput (MiBps) to iops', throughputMibps / iops, throughputRule.mostPerIops, 'MiBps per iops')
  return { iops, throughputMibps }
}

/** The speed of a volume that ModifyVolume changes: what it had stays with its type. Throws as `choosePerformance`. */
export function changePerformance(
  present: TypedPerformance,
  type: string,
  sizeGib: number,
  asked: AskedPerformance,
): VolumePerformance {
  const kept = type === present.volumeType ? present : { volumeType: type, iops: usualIopsOfChange }
  return choosePerformance(type, sizeGib, asked, kept)
}

function requireRange(parameter: string, value: number, [least, most]: readonly [number, number]): void {
  if (value < least) {
    throw new Ec2Error('InvalidParameterValue', `Volume ${parameter} of ${value} is too low; minimum is ${least}.`)
  }
  if (value > most) {
    throw new Ec2Error('InvalidParameterValue', `Volume ${parameter} of ${value} is too high; maximum is ${most}.`)
  }
}

function requireRatio(what: string, ratio: number, most: number, unit: string): void {
  if (ratio <= most) return
  throw new Ec2Error(
    'InvalidParameterValue',
    `${what} ratio of ${ratio.toFixed(6)} is too high; maximum is ${most.toFixed(6)} ${unit}.`,
  )
}
