import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { InstanceMetadata, MetadataLookup, MetadataObserver } from '../ec2/ports/metadata.ts'
import type { Clock } from '../host/clock.ts'
import type { Random } from '../host/random.ts'
import { resolvePath } from './resolve-path.ts'
import { createTokenVault, type TokenVault } from './token-vault.ts'

/** What the metadata service is made of. */
export interface MetadataServiceDependencies {
  readonly lookup: MetadataLookup
  readonly observe: MetadataObserver
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}

/** The service behind 169.254.169.254, once for each VPC. */
export interface MetadataService {
  listener(vpcId: string): RequestListener
}

interface Answer {
  readonly status: number
  readonly body: Buffer
  /** Only of a token's answer. */
  readonly tokenTtlSeconds?: number
  readonly allow?: string
}

const tokenPath = '/latest/api/token'
const maximumTtlSeconds = 21_600

/** Answers guests by their source address. Never throws into the server: what goes wrong is logged and answered with 500. */
export function createMetadataService(dependencies: MetadataServiceDependencies): MetadataService {
  const { lookup, observe, log } = dependencies
  const vault = createTokenVault(dependencies)

  function serve(vpcId: string, request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    const instance = lookup(vpcId, sourceOf(request))
    const answer = instance ? answerRequest(vault, instance, request, path) : failure(404, 'Not Found')
    send(request, response, answer)
    if (instance) observe(instance.instanceId, path)
  }

  return {
    listener: (vpcId) => (request, response) => {
      // A body means nothing here; it is read away so that the connection can carry the next request.
      request.resume()
      try {
        serve(vpcId, request, response)
      } catch (error) {
        log.error({ err: error, vpcId }, 'metadata request failed')
        if (!response.headersSent) send(request, response, failure(500, 'Internal Server Error'))
      }
    },
  }
}

function answerRequest(vault: TokenVault, instance: InstanceMetadata, request: IncomingMessage, path: string): Answer {
  const { options, instanceId } = instance
  if (!options.isEnabled) return failure(403, 'Forbidden')
  const isToken = path.replace(/\/{2,}/g, '/') === tokenPath
  if (request.method === 'PUT' && isToken) return answerToken(vault, instanceId, request)
  if (isToken) return { ...failure(405, 'Method Not Allowed'), allow: 'OPTIONS, PUT' }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { ...failure(405, 'Method Not Allowed'), allow: 'OPTIONS, GET, HEAD' }
  }
  const token = headerOf(request, 'x-aws-ec2-metadata-token')
  if (token === undefined ? options.tokens === 'required' : !vault.isValid(instanceId, token)) {
    return failure(401, 'Unauthorized')
  }
  const body = resolvePath(instance, path)
  return body ? { status: 200, body } : failure(404, 'Not Found')
}

function answerToken(vault: TokenVault, instanceId: string, request: IncomingMessage): Answer {
  // A reverse proxy inside the guest adds this; EC2 hands no token to whoever stands behind one.
  if (request.headers['x-forwarded-for'] !== undefined) return failure(403, 'Forbidden')
  const text = headerOf(request, 'x-aws-ec2-metadata-token-ttl-seconds')?.trim() ?? ''
  const ttlSeconds = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (ttlSeconds < 1 || ttlSeconds > maximumTtlSeconds) return failure(400, 'Bad Request')
  return { status: 200, body: Buffer.from(vault.issue(instanceId, ttlSeconds)), tokenTtlSeconds: ttlSeconds }
}

/** The first header tells a token's answer from all others: the packet filter looks for its first letter to limit hops. */
function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { tokenTtlSeconds, allow } = answer
  const type = answer.status === 200 ? 'text/plain' : 'text/html'
  const headers: [string, string][] = [['Content-Type', type]]
  if (tokenTtlSeconds !== undefined) headers.unshift(['X-Aws-Ec2-Metadata-Token-Ttl-Seconds', String(tokenTtlSeconds)])
  if (allow !== undefined) headers.push(['Allow', allow])
  headers.push(['Content-Length', String(answer.body.length)], ['Server', 'EC2ws'])
  response.writeHead(answer.status, headers.flat())
  response.end(request.method === 'HEAD' ? undefined : answer.body)
}

function failure(status: number, title: string): Answer {
  const page = `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
\t"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>${status} - ${title}</title>
 </head>
 <body>
  <h1>${status} - ${title}</h1>
 </body>
</html>
`
  return { status, body: Buffer.from(page) }
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** A server that listens on IPv6 too sees `::ffff:172.31.0.5`. */
function sourceOf(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
}
