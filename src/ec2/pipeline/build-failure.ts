import { Ec2Error } from '../errors.ts'

/** A build that has come to nothing, and why; for the record of its task. */
export function buildFailed(message: string): Ec2Error {
  return new Ec2Error('PipelineBuildFailed', message)
}
