/**
 * An error of the EC2 API: transports render it, nobody else does. Codes and wording are those of the
 * "Error codes for the Amazon EC2 API" page; anything that is not an Ec2Error reaches the client as InternalError.
 */
export class Ec2Error extends Error {
  override readonly name = 'Ec2Error'
  readonly code: string
  /** HTTP status. */
  readonly status: number

  constructor(code: string, message: string, status = 400) {
    super(message)
    this.code = code
    this.status = status
  }
}

/** The operation is in EC2's model but not offered here. */
export function unsupportedOperation(message: string): Ec2Error {
  return new Ec2Error('UnsupportedOperation', message)
}

/** `Value (x) for parameter y is invalid. Why.` */
export function invalidParameterValue(parameter: string, value: unknown, why: string): Ec2Error {
  return new Ec2Error('InvalidParameterValue', `Value (${String(value)}) for parameter ${parameter} is invalid. ${why}`)
}

/** Parameters that exclude or require each other. */
export function invalidParameterCombination(message: string): Ec2Error {
  return new Ec2Error('InvalidParameterCombination', message)
}

/** A required parameter is absent. */
export function missingParameter(parameter: string): Ec2Error {
  return new Ec2Error('MissingParameter', `The request must contain the parameter ${parameter}`)
}

/** The instance is in a state that does not allow what was asked; `done` is what: `started`, `stopped`. */
export function incorrectInstanceState(instanceId: string, done: string): Ec2Error {
  return new Ec2Error(
    'IncorrectInstanceState',
    `The instance '${instanceId}' is not in a state from which it can be ${done}.`,
  )
}

/** Nothing is free on this host; `message` says what is short. */
export function insufficientInstanceCapacity(message: string): Ec2Error {
  return new Ec2Error('InsufficientInstanceCapacity', message, 500)
}

/** Another resource still needs this one. */
export function dependencyViolation(message: string): Ec2Error {
  return new Ec2Error('DependencyViolation', message)
}

/** What a DryRun answers when the call would have been done. */
export function dryRunOperation(): Ec2Error {
  return new Ec2Error('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412)
}

/** An unexpected failure; its cause is in the daemon's log under the request id. */
export function internalError(): Ec2Error {
  return new Ec2Error('InternalError', 'An internal error has occurred', 500)
}
