import { invalidParameterValue, missingParameter } from '../errors.ts'

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
