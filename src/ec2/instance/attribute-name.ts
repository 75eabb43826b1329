import type { ModifyInstanceAttributeRequest } from '@aws-sdk/client-ec2'
import { Ec2Error, invalidParameterValue, unsupportedOperation } from '../errors.ts'

/** `Attribute=instanceType, Value=t3.small` is the older way to say `InstanceType.Value=t3.small`. */
export function spellOutAttribute(input: ModifyInstanceAttributeRequest): ModifyInstanceAttributeRequest {
  const { Attribute: attribute, Value: value, ...rest } = input
  if (attribute === undefined || value === undefined) return rest
  switch (attribute) {
    case 'instanceType':
      return { ...rest, InstanceType: { Value: value } }
    case 'userData':
      return { ...rest, UserData: { Value: readBase64(value) } }
    case 'disableApiTermination':
      return { ...rest, DisableApiTermination: { Value: readBoolean(value) } }
    case 'disableApiStop':
      return { ...rest, DisableApiStop: { Value: readBoolean(value) } }
    case 'instanceInitiatedShutdownBehavior':
      return { ...rest, InstanceInitiatedShutdownBehavior: { Value: value } }
    case 'ebsOptimized':
      return { ...rest, EbsOptimized: { Value: readBoolean(value) } }
    case 'enaSupport':
      return { ...rest, EnaSupport: { Value: readBoolean(value) } }
    case 'sourceDestCheck':
      return { ...rest, SourceDestCheck: { Value: readBoolean(value) } }
    default:
      throw unsupportedOperation(`The instance attribute ${attribute} cannot be changed by Kiln.`)
  }
}

function readBoolean(value: string): boolean {
  if (/^true$/i.test(value)) return true
  if (/^false$/i.test(value)) return false
  throw invalidParameterValue('value', value.slice(0, 80), 'Expecting a boolean (true or false).')
}

function readBase64(value: string): Uint8Array {
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value)) {
    throw new Ec2Error('InvalidUserData.Malformed', 'Invalid BASE64 encoding of user data.')
  }
  return Buffer.from(value, 'base64')
}
