import type { IncomingMessage } from 'node:http'
import { Ec2Error } from '../../ec2/errors.ts'

/** The service that EC2 Instance Connect's requests are signed for. */
export const instanceConnectService = 'ec2-instance-connect'
/** The JSON protocol that it speaks. */
export const instanceConnectContentType = 'application/x-amz-json-1.1'

const targetPrefix = 'AWSEC2InstanceConnectService.'
/** Those that Kiln has; whatever else is asked for is refused by name. */
const operations = ['SendSSHPublicKey', 'SendSerialConsoleSSHPublicKey'] as const

/** Whether a request is for EC2 Instance Connect: its operation stands in a header. */
export function isInstanceConnectRequest({ headers }: IncomingMessage): boolean {
  return headers['x-amz-target'] !== undefined
}

/** The operation of a request and its input. Throws UnknownOperationException, SerializationException. */
export function parseInstanceConnect(
  request: IncomingMessage,
  body: Buffer,
): { operation: string; input: Record<string, unknown> } {
  const target = String(request.headers['x-amz-target'])
  const operation = operations.find((name) => target === `${targetPrefix}${name}`)
  if (!operation) throw new Ec2Error('UnknownOperationException', `Kiln does not have ${target.slice(0, 80)}.`)
  const input = readObject(body)
  if (!input) throw new Ec2Error('SerializationException', 'The body is not a JSON object.')
  return { operation, input }
}

function readObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** What the waist refuses in EC2's words, in this service's. */
const codes: Readonly<Record<string, string>> = {
  UnauthorizedOperation: 'AccessDeniedException',
  UnsupportedOperation: 'InvalidArgsException',
  InvalidParameterValue: 'InvalidArgsException',
  InternalError: 'ServiceException',
  MissingAuthenticationToken: 'MissingAuthenticationTokenException',
  IncompleteSignature: 'IncompleteSignatureException',
}

/** Writes an error as services of the JSON protocol do. */
export function writeInstanceConnectError({ code, message }: Ec2Error): string {
  return JSON.stringify({ __type: codes[code] ?? code, Message: message })
}
