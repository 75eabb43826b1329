import { Ec2Error } from '../errors.ts'

/** Errors of EC2 Instance Connect, which is a service of its own. */
export function invalidArguments(message: string): Ec2Error {
  return new Ec2Error('InvalidArgsException', message)
}

/** There is no such instance for this caller in this region and zone. */
export function connectInstanceNotFound(instanceId: string): Ec2Error {
  return new Ec2Error('EC2InstanceNotFoundException', `The specified instance was not found: ${instanceId}`, 404)
}

/** Only a running instance can be connected to. */
export function connectInstanceStateInvalid(instanceId: string, state: string): Ec2Error {
  return new Ec2Error(
    'EC2InstanceStateInvalidException',
    `Unable to connect because the instance ${instanceId} is not in a valid state: it is ${state}. Start it and try again.`,
  )
}

/** The account has not enabled access to serial consoles in this region. */
export function serialConsoleAccessDisabled(): Ec2Error {
  return new Ec2Error(
    'SerialConsoleAccessDisabledException',
    'Your account is not authorized to use the EC2 Serial Console. To authorize your account, run the EnableSerialConsoleAccess API.',
    403,
  )
}

/** EC2 has serial consoles of Nitro types only. */
export function serialConsoleTypeInvalid(instanceType: string): Ec2Error {
  return new Ec2Error(
    'EC2InstanceTypeInvalidException',
    `The instance type ${instanceType} is not supported for connecting via the serial console. Only Nitro instance types are currently supported.`,
  )
}

/** Somebody has the serial console open. */
export function serialSessionLimitExceeded(): Ec2Error {
  return new Ec2Error(
    'SerialConsoleSessionLimitExceededException',
    'The instance currently has 1 active serial console session. Only 1 session is supported at a time.',
  )
}

/** Too many keys in a minute. */
export function connectThrottled(): Ec2Error {
  return new Ec2Error(
    'ThrottlingException',
    'The requests were made too frequently and have been throttled. Wait a while and try again.',
    429,
  )
}
