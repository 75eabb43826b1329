import type { IncomingMessage } from 'node:http'
import { Ec2Error } from '../../ec2/errors.ts'
import { readBody } from '../read-body.ts'

const maximumBodyBytes = 1024 * 1024

/** The JSON object in a request's body; an absent body is an empty one. Rejects with MalformedInput and as `readBody` does. */
export async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const body = await readBody(request, maximumBodyBytes)
  if (body.length === 0) return {}
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error
  }
  throw new Ec2Error('MalformedInput', 'The body is not a JSON object.')
}
