import { Ec2Error, invalidParameterValue, missingParameter, unsupportedOperation } from '../errors.ts'

/** gp3's performance when none is asked for ("Amazon EBS volume types"). */
export const gp3Baseline = { iops: 3000, throughputMibps: 125 } as const

/** Smallest and largest volumes of each type in GiB ("Amazon EBS volume types"). */
const sizeLimits: Readonly<Record<string, readonly [smallest: number, largest: number]>> = {
  gp2: [1, 16_384],
  gp3: [1, 16_384],
  standard: [1, 1024],
  st1: [125, 16_384],
  sc1: [125, 16_384],
}

const devicePattern = /^(\/dev\/)?(sd[a-z]\d{0,2}|xvd[a-z]{1,2}|vd[a-z])$/

/** Whether EC2 would take the name for a device ("Device names on Linux instances"). */
export function isDeviceName(name: string): boolean {
  return devicePattern.test(name)
}

/** The name, when EC2 would take it. Throws MissingParameter, InvalidParameterValue. */
export function requireDeviceName(name: string | undefined): string {
  if (!name) throw missingParameter('BlockDeviceMapping.DeviceName')
  if (!isDeviceName(name)) throw invalidParameterValue('deviceName', name.slice(0, 80), 'Invalid device name.')
  return name
}

/** The type, when Kiln has such volumes. Throws InvalidParameterValue, UnsupportedOperation. */
export function requireVolumeType(type: string): string {
  if (Object.hasOwn(sizeLimits, type)) return type
  if (type === 'io1' || type === 'io2') {
    throw unsupportedOperation(`Volumes of type ${type} are not supported by Kiln yet.`)
  }
  throw invalidParameterValue('volumeType', type.slice(0, 80), 'Unknown volume type.')
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
  const [smallest = 1, largest = 16_384] = sizeLimits[type] ?? []
  if (sizeGib < smallest || sizeGib > largest) {
    throw invalidParameterValue('volumeSize', sizeGib, `Volumes of type ${type} have ${smallest} to ${largest} GiB.`)
  }
}
