import type { RunInstancesRequest, ValidationWarning } from '@aws-sdk/client-ec2'
import { Ec2Error, invalidParameterCombination, unsupportedOperation } from '../errors.ts'
import { requireDefaults } from '../instance/launch-options.ts'
import { launchParameters } from '../instance/launch-parameter.ts'
import { readUserData } from '../instance/user-data.ts'
import { readTagSpecifications } from '../tag/tag.ts'
import type { TemplateData } from './launch-template.ts'

/** Kinds of resources that a launch makes and a template may tag. */
export const templateTagTypes = ['instance', 'volume', 'network-interface', 'spot-instances-request']

/** What EC2 checks when a template is made: most is left to the launch. */
export function requirePlausible(data: TemplateData): void {
  readUserData(data.UserData)
  readTagSpecifications(data.TagSpecifications, [...templateTagTypes, 'elastic-gpu'])
  if (data.InstanceType !== undefined && data.InstanceRequirements !== undefined) {
    throw invalidParameterCombination('The parameters InstanceType and InstanceRequirements may not be used together')
  }
}

/** Kiln has no Systems Manager: a parameter's name in place of an AMI's id cannot be looked up. */
export function requireNoAlias({ ImageId: imageId = '' }: TemplateData): void {
  if (!imageId.startsWith('resolve:')) return
  throw unsupportedOperation(
    `The image ${imageId.slice(0, 200)} is a parameter of Systems Manager, which Kiln does not have: leave ResolveAlias out, or name the AMI by its id.`,
  )
}

/** Tells, when a template is made, what no launch by it can honour. */
export function warnOfUnsupported(data: TemplateData): { Warning?: ValidationWarning } {
  const messages: string[] = []
  for (const [name, value] of Object.entries(data)) {
    if (value !== undefined && !isLaunchParameter(name)) messages.push(refusalOf(name).message)
  }
  try {
    requireDefaults(data as Partial<RunInstancesRequest>)
  } catch (error) {
    if (!(error instanceof Ec2Error)) throw error
    messages.push(error.message)
  }
  if (messages.length === 0) return {}
  return { Warning: { Errors: messages.map((Message) => ({ Code: 'UnsupportedOperation', Message })) } }
}

/** Refuses, at RunInstances, a template that says what it cannot honour. */
export function requireLaunchable(data: TemplateData): void {
  if (data.InstanceRequirements !== undefined) {
    throw invalidParameterCombination(
      'A launch template with InstanceRequirements can be used by fleets only: name an instance type in it to use it with RunInstances.',
    )
  }
  requireHonoured(data)
}

/** Refuses, at launch, a template that says what no launch of Kiln's can honour. */
export function requireHonoured(data: TemplateData): void {
  for (const [name, value] of Object.entries(data)) {
    if (value !== undefined && !isLaunchParameter(name)) throw refusalOf(name)
  }
}

function isLaunchParameter(name: string): boolean {
  return name === 'InstanceRequirements' || (launchParameters as readonly string[]).includes(name)
}

function refusalOf(name: string): Ec2Error {
  return unsupportedOperation(
    `The parameter LaunchTemplateData.${name} is not supported by Kiln: a launch by this template is refused.`,
  )
}
