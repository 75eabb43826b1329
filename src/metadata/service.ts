import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Clock } from '../host/clock.ts'
import type { Random } from '../host/random.ts'
import type { InstanceMetadata, MetadataLookup, MetadataObserver } from '../ec2/ports/metadata.ts'
import type { DocumentSigner } from './document-signer.ts'
import { createRequestThrottle, type MetadataUsage } from './request-throttle.ts'
import { createTokenVault } from './token-vault.ts'
import { readPath } from './tree.ts'
import { metadataVersions } from './version.ts'

/** The instance metadata service, IMDSv1 and IMDSv2 ("Use the Instance Metadata Service"). */
export interface MetadataService {
  /** Answers requests that come from a VPC; the source address says whose they are. */
  listener(vpcId: string): RequestListener
  /** How often an instance has asked. */
  usageOf(instanceId: string): MetadataUsage
}

export interface MetadataServiceDependencies {
  readonly lookup: MetadataLookup
  /** That each instance may make. */
  readonly requestsPerSecond: number
  readonly observe: MetadataObserver
  readonly clock: Clock
  readonly random: Random
  /** Signs the session tokens; 32 bytes that nobody else knows. */
  readonly tokenSecret: Buffer
  readonly signer: Pick<DocumentSigner, 'sign'>
  /** Told of what went wrong unexpectedly; the guest gets a 500. */
  readonly onError: (error: unknown) => void
}

const maximumTtlSeconds = 21_600
const ttlHeader = 'x-aws-ec2-metadata-token-ttl-seconds'
const tokenHeader = 'x-aws-ec2-metadata-token'

export function createMetadataService(dependencies: MetadataServiceDependencies): MetadataService {
  const { lookup, observe, signer, onError } = dependencies
  const throttle = createRequestThrottle(dependencies.clock, dependencies.requestsPerSecond)
  const vault = createTokenVault({ ...dependencies, secret: dependencies.tokenSecret })

  function issueToken(request: IncomingMessage, response: ServerResponse, instance: InstanceMetadata): void {
    if (request.headers['x-forwarded-for'] !== undefined) return refuse(response, 403, 'Forbidden')
    const ttl = String(request.headers[ttlHeader] ?? '')
    const seconds = /^\d{1,6}$/.test(ttl) ? Number(ttl) : 0
    if (seconds < 1 || seconds > maximumTtlSeconds) return refuse(response, 400, 'Bad Request')
    const token = vault.issue(instance.instanceId, seconds)
    // The firewall of the VPC knows the answer to a token request by its first header beginning with X- (the hop limit is
    // for those alone), so this one must come first.
    response.writeHead(200, [
      ...['X-Aws-Ec2-Metadata-Token-Ttl-Seconds', String(seconds)],
      ...['Content-Type', 'text/plain', 'Content-Length', String(token.length), 'Server', 'EC2ws'],
    ])
    response.end(token)
  }

  function answer(vpcId: string, request: IncomingMessage, response: ServerResponse): void {
    const source = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
    const asker = lookup(vpcId, source)
    if (!asker) return refuse(response, 404, 'Not Found')
    // "503 – The request could not be completed. Retry the request." ("Responses and error messages")
    if (!throttle.admit(asker.instanceId)) return refuse(response, 503, 'Service Unavailable')
    const instance = asker.describe()
    if (!instance.options.isEnabled) return refuse(response, 403, 'Forbidden')
    if (instance.isFailing) return refuse(response, 503, 'Service Unavailable')
    const segments =
      (request.url ?? '/')
        .split('?')[0]
        ?.split('/')
        .filter((segment) => segment !== '') ?? []
    if (request.method === 'PUT') {
      if (segments.join('/') === 'latest/api/token') return issueToken(request, response, instance)
      // "Issuing PUT requests to any version-specific path results in 403 Forbidden" (Access instance metadata).
      if (segments.slice(1).join('/') === 'api/token') return refuse(response, 403, 'Forbidden')
      return refuse(response, 405, 'Method Not Allowed')
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'Method Not Allowed')
    if (segments.join('/') === 'latest/api/token') return refuse(response, 405, 'Method Not Allowed')
    const token = request.headers[tokenHeader]
    if (token === undefined && instance.options.tokens === 'required') return refuse(response, 401, 'Unauthorized')
    if (token !== undefined && !vault.isValid(instance.instanceId, String(token)))
      return refuse(response, 401, 'Unauthorized')
    const [version, ...path] = segments
    if (version === undefined) return send(response, 200, metadataVersions.join('\n'))
    if (!metadataVersions.includes(version)) return refuse(response, 404, 'Not Found')
    const body = readPath(signer, instance, path.map(decodeSegment), version)
    if (body === undefined) return refuse(response, 404, 'Not Found')
    observe(instance.instanceId, segments.join('/'))
    if (Buffer.isBuffer(body)) return send(response, 200, body, 'application/octet-stream')
    if (typeof body === 'string') return send(response, 200, body)
    body.then(
      (text) => send(response, 200, text),
      (error: unknown) => fail(response, error),
    )
  }

  function fail(response: ServerResponse, error: unknown): void {
    onError(error)
    if (response.headersSent) response.destroy()
    else refuse(response, 500, 'Internal Server Error')
  }

  return {
    usageOf: (instanceId) => throttle.usageOf(instanceId),
    listener: (vpcId) => (request, response) => {
      request.resume()
      try {
        answer(vpcId, request, response)
      } catch (error) {
        fail(response, error)
      }
    },
  }
}

function send(response: ServerResponse, status: number, body: string | Buffer, contentType = 'text/plain'): void {
  response.writeHead(status, [
    ...['Content-Type', contentType, 'Content-Length', String(Buffer.byteLength(body)), 'Server', 'EC2ws'],
  ])
  response.end(body)
}

function refuse(response: ServerResponse, status: number, title: string): void {
  const body = `<?xml version="1.0" encoding="iso-8859-1"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">\n <head>\n  <title>${status} - ${title}</title>\n </head>\n <body>\n  <h1>${status} - ${title}</h1>\n </body>\n</html>\n`
  send(response, status, body, 'text/html')
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
