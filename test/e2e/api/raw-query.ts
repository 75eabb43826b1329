import { createHash, createHmac } from 'node:crypto'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'

/** The two halves of an access key. */
export interface SigningKey {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** A request as a client without an SDK would make it, and what is wrong with it. */
export interface RawQuery {
  /** Already form-encoded. */
  readonly parameters: string
  readonly method?: 'GET' | 'POST'
  /** How it is signed; not at all when null. */
  readonly key: SigningKey | null
  /** When it says that it was signed. */
  readonly at?: Date
  /** What is sent instead of what was signed. */
  readonly sentParameters?: string
  /** Presigned for that many seconds. */
  readonly expiresSeconds?: number
  /** Of a temporary credential; only for a presigned request. */
  readonly sessionToken?: string
  readonly region?: string
  readonly contentType?: string
}

/** The answer, and the parts of an error document. */
export interface RawAnswer {
  readonly status: number
  readonly body: string
  readonly code: string | undefined
  readonly message: string | undefined
  readonly requestId: string | undefined
}

const sha256 = (data: string) => createHash('sha256').update(data).digest('hex')
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest()

/** Signs and sends a request, apart from all code of Kiln's own. */
export async function sendRaw(endpointUrl: string, query: RawQuery): Promise<RawAnswer> {
  const { method = 'POST', parameters, sentParameters = parameters } = query
  const { host, hostname, port } = new URL(endpointUrl)
  const isGet = method === 'GET'
  const signed = query.key ? signQuery(host, query, query.key) : { headers: {}, query: '' }
  const queryText = [isGet ? sentParameters : '', signed.query].filter((part) => part !== '').join('&')
  const path = queryText === '' ? '/' : `/?${queryText}`
  const contentType = query.contentType ?? 'application/x-www-form-urlencoded'
  const headers = { host, ...(isGet ? {} : { 'content-type': contentType }), ...signed.headers }
  return await new Promise<RawAnswer>((resolve, reject) => {
    const asked = request({ hostname, port, path, method, headers }, (response) => {
      text(response).then((body) => resolve(readAnswer(response.statusCode ?? 0, body)), reject)
    })
    asked.on('error', reject)
    asked.end(isGet ? undefined : sentParameters)
  })
}

/** A URL that carries its own signature, to be fetched by whoever has it. */
export function presignedUrl(endpointUrl: string, query: RawQuery & { readonly key: SigningKey }): string {
  return `${endpointUrl}/?${query.parameters}&${signQuery(new URL(endpointUrl).host, query, query.key).query}`
}

function readAnswer(status: number, body: string): RawAnswer {
  const find = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`, 'i').exec(body)?.[1]
  return { status, body, code: find('Code'), message: find('Message'), requestId: find('RequestID') }
}

/** The headers, or for a presigned request the parameters, that make a request a signed one. */
export function signQuery(
  host: string,
  query: RawQuery,
  key: SigningKey,
): { headers: Record<string, string>; query: string } {
  const { method = 'POST', parameters, at = new Date(), region = 'us-east-1', expiresSeconds, sessionToken } = query
  const date = at.toISOString().replace(/[-:]|\.\d+/g, '')
  const scope = `${date.slice(0, 8)}/${region}/ec2/aws4_request`
  const isPresigned = expiresSeconds !== undefined
  const presigning = isPresigned
    ? new URLSearchParams({
        'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
        'X-Amz-Credential': `${key.accessKeyId}/${scope}`,
        'X-Amz-Date': date,
        'X-Amz-Expires': String(expiresSeconds),
        ...(sessionToken === undefined ? {} : { 'X-Amz-Security-Token': sessionToken }),
        'X-Amz-SignedHeaders': 'host',
      }).toString()
    : ''
  const queryText = [method === 'GET' ? parameters : '', presigning].filter((part) => part !== '').join('&')
  const headers = isPresigned ? { host } : { host, 'x-amz-date': date }
  const canonical = [
    method,
    '/',
    canonicalise(queryText),
    ...Object.entries(headers).map(([name, value]) => `${name}:${value}`),
    '',
    Object.keys(headers).join(';'),
    sha256(method === 'GET' ? '' : parameters),
  ].join('\n')
  const secret = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${key.secretAccessKey}`)
  const signature = hmac(secret, ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')).toString('hex')
  if (isPresigned) return { headers: {}, query: `${presigning}&X-Amz-Signature=${signature}` }
  const authorization = `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scope}, SignedHeaders=host;x-amz-date, Signature=${signature}`
  return { headers: { 'x-amz-date': date, authorization }, query: '' }
}

function canonicalise(query: string): string {
  return query.split('&').sort().join('&')
}
