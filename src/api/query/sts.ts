import { Ec2Error } from '../../ec2/errors.ts'
import { refuseValue } from '../scalar-rules.ts'
import type { Parameter } from './form.ts'
import { growTree } from './parameter-tree.ts'
import { escapeXml, writeElement, xmlDeclaration } from './xml.ts'

/** The API version of the Security Token Service, which answers on the same port. */
export const stsVersion = '2011-06-15'

const namespace = `https://sts.amazonaws.com/doc/${stsVersion}/`

/** Those that Kiln has; whatever else is asked for is refused by name. */
const operations = ['GetCallerIdentity', 'GetSessionToken', 'AssumeRole'] as const
const numbers = new Set(['DurationSeconds'])
const protocolKeys = new Set(['Action', 'Version'])

/** Whether a request means STS: by its version, else by the service that it was signed for. */
export function isStsRequest(parameters: readonly Parameter[], signedService?: string): boolean {
  const version = parameters.find(([key]) => key === 'Version')?.[1]
  return version === undefined ? signedService === 'sts' : version === stsVersion
}

/**
 * The operation of an STS request and its parameters, of which those that are empty are not there. Throws InvalidAction for an
 * operation that Kiln lacks.
 */
export function parseStsQuery(parameters: readonly Parameter[]): { operation: string; input: Record<string, unknown> } {
  const root = growTree(parameters)
  const action = root.children.get('Action')?.value ?? ''
  const operation = operations.find((name) => name === action)
  if (!operation) {
    throw new Ec2Error('InvalidAction', `Could not find operation ${action.slice(0, 80)} for version ${stsVersion}`)
  }
  const input: Record<string, unknown> = {}
  for (const [name, { value, children }] of root.children) {
    if (protocolKeys.has(name) || name.startsWith('X-Amz-')) continue
    // A list or a structure: none is honoured, and dispatch says so by its name.
    if (children.size > 0) input[name] = true
    else if (value) input[name] = numbers.has(name) ? readInteger(name, value) : value
  }
  return { operation, input }
}

function readInteger(name: string, value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value)
  throw refuseValue(name, value, 'Expecting an integer.')
}

/** Writes the answer to an STS operation. */
export function writeStsResponse(operation: string, output: unknown, requestId: string): string {
  return (
    `${xmlDeclaration}<${operation}Response xmlns="${namespace}">` +
    writeElement(`${operation}Result`, writeValue(output)) +
    `<ResponseMetadata><RequestId>${escapeXml(requestId)}</RequestId></ResponseMetadata></${operation}Response>`
  )
}

/** STS names its elements as the SDK its members. */
function writeValue(value: unknown): string {
  if (value instanceof Date) return `${value.toISOString().slice(0, 19)}Z`
  if (value === null || typeof value !== 'object') return escapeXml(String(value))
  return Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([name, inner]) => writeElement(name, writeValue(inner)))
    .join('')
}

/** Writes an error as STS does. */
export function writeStsError(error: Ec2Error, requestId: string): string {
  const type = error.status < 500 ? 'Sender' : 'Receiver'
  return (
    `${xmlDeclaration}<ErrorResponse xmlns="${namespace}"><Error><Type>${type}</Type><Code>${escapeXml(error.code)}</Code>` +
    `<Message>${escapeXml(error.message)}</Message></Error><RequestId>${escapeXml(requestId)}</RequestId></ErrorResponse>`
  )
}
