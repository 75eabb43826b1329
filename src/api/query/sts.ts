import { Ec2Error } from '../../ec2/errors.ts'
import type { Parameter } from './form.ts'
import { escapeXml, xmlDeclaration } from './xml.ts'

/** The API version of the Security Token Service, which clients ask for the caller's identity on the same port. */
export const stsVersion = '2011-06-15'

const namespace = `https://sts.amazonaws.com/doc/${stsVersion}/`

/** Whether a request means STS: by its version, else by the service that it was signed for. */
export function isStsRequest(parameters: readonly Parameter[], signedService?: string): boolean {
  const version = parameters.find(([key]) => key === 'Version')?.[1]
  return version === undefined ? signedService === 'sts' : version === stsVersion
}

/** The operation of an STS request. Throws InvalidAction for all but GetCallerIdentity. */
export function parseStsAction(parameters: readonly Parameter[]): 'GetCallerIdentity' {
  const action = parameters.find(([key]) => key === 'Action')?.[1] ?? ''
  if (action === 'GetCallerIdentity') return action
  throw new Ec2Error('InvalidAction', `Could not find operation ${action.slice(0, 80)} for version ${stsVersion}`)
}

/** Writes the answer to GetCallerIdentity. */
export function writeCallerIdentity(output: unknown, requestId: string): string {
  const identity = output as { readonly UserId?: string; readonly Account?: string; readonly Arn?: string }
  const members = (['Arn', 'UserId', 'Account'] as const)
    .map((name) => `<${name}>${escapeXml(identity[name] ?? '')}</${name}>`)
    .join('')
  return (
    `${xmlDeclaration}<GetCallerIdentityResponse xmlns="${namespace}"><GetCallerIdentityResult>${members}` +
    `</GetCallerIdentityResult><ResponseMetadata><RequestId>${escapeXml(requestId)}</RequestId></ResponseMetadata>` +
    '</GetCallerIdentityResponse>'
  )
}

/** Writes an error as STS does. */
export function writeStsError(error: Ec2Error, requestId: string): string {
  const type = error.status < 500 ? 'Sender' : 'Receiver'
  return (
    `${xmlDeclaration}<ErrorResponse xmlns="${namespace}"><Error><Type>${type}</Type><Code>${escapeXml(error.code)}</Code>` +
    `<Message>${escapeXml(error.message)}</Message></Error><RequestId>${escapeXml(requestId)}</RequestId></ErrorResponse>`
  )
}
