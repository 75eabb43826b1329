import type { IncomingMessage } from 'node:http'
import { Ec2Error } from '../../ec2/errors.ts'
import { decodeForm, type Parameter } from './form.ts'
import { splitUrl } from './signature.ts'

/** Parameters of the query and, of a POST, of the form in its body. Throws what cannot be one of EC2's requests. */
export function readParameters(request: IncomingMessage, body: Buffer): Parameter[] {
  const [path, query] = splitUrl(request.url ?? '/')
  if (request.method !== 'GET' && request.method !== 'POST') {
    throw new Ec2Error('MethodNotAllowed', 'The endpoint answers GET and POST only', 405)
  }
  if (path !== '/' && path !== '') throw new Ec2Error('NotFound', 'The endpoint has the path / only', 404)
  const parameters = decodeForm(query)
  return request.method === 'POST' && body.length > 0 ? [...parameters, ...readForm(request, body)] : parameters
}

function readForm(request: IncomingMessage, body: Buffer): Parameter[] {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (type !== undefined && type !== 'application/x-www-form-urlencoded') {
    throw new Ec2Error('UnsupportedMediaType', 'Expecting a body of type application/x-www-form-urlencoded', 415)
  }
  try {
    return decodeForm(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (error) {
    if (error instanceof Ec2Error) throw error
    throw new Ec2Error('MalformedQueryString', 'The query string contains a syntax error')
  }
}
