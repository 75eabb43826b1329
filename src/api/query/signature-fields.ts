import { Ec2Error } from '../../ec2/errors.ts'
import { decodeForm } from './form.ts'

/** The parts of a signature, from the Authorization header or the query. */
export interface SignatureFields {
  /** `KEY/YYYYMMDD/REGION/SERVICE/aws4_request`. */
  readonly credential: string
  /** Lower case, in the order in which they were signed. */
  readonly signedHeaders: readonly string[]
  /** 64 hexadecimal digits. */
  readonly signature: string
  /** `YYYYMMDDTHHMMSSZ`. */
  readonly date: string
  readonly time: Date
  /** Of a presigned request. */
  readonly expiresSeconds?: number
  readonly sessionToken?: string
}

/** The credential taken apart. */
export interface CredentialScope {
  readonly accessKeyId: string
  readonly region: string
  readonly service: string
}

type Headers = ReadonlyMap<string, readonly string[]>

const knownServices: ReadonlySet<string> = new Set(['ec2', 'sts', 'ec2-instance-connect'])
const algorithm = 'AWS4-HMAC-SHA256'

/** Reads the signature of a request. Throws MissingAuthenticationToken when there is none, IncompleteSignature when it is no good. */
export function readSignatureFields(url: string, headers: Headers): SignatureFields {
  const mark = url.indexOf('?')
  const query = mark < 0 ? [] : decodeForm(url.slice(mark + 1))
  const isPresigned = query.some(([key]) => /^X-Amz-(Algorithm|Credential|Signature)$/.test(key))
  const authorizations = headers.get('authorization') ?? []
  if (isPresigned && authorizations.length > 0) throw incomplete('Only one way to sign a request may be used at a time')
  if (isPresigned) return readQuery(query)
  const [authorization] = authorizations
  if (authorization === undefined) {
    throw new Ec2Error('MissingAuthenticationToken', 'Request is missing Authentication Token', 403)
  }
  if (authorizations.length > 1) throw incomplete('The request has more than one Authorization header')
  return readHeader(authorization, headers)
}

/** Takes the credential apart and checks it against the date. Throws IncompleteSignature, AuthFailure. */
export function readCredentialScope(fields: SignatureFields): CredentialScope {
  const parts = fields.credential.split('/')
  const [accessKeyId, day, region, service, terminator] = parts
  if (parts.length !== 5 || !accessKeyId || !day || !region || !service || terminator !== 'aws4_request') {
    throw incomplete(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/aws4_request`,
    )
  }
  if (!/^[\w-]{1,128}$/.test(accessKeyId) || !/^[a-z0-9-]{1,40}$/.test(region)) {
    throw incomplete('Credential holds characters that are not allowed')
  }
  if (!knownServices.has(service)) {
    throw new Ec2Error('AuthFailure', "Credential should be scoped to correct service: 'ec2'.", 401)
  }
  if (day !== fields.date.slice(0, 8))
    throw incomplete('Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date')
  return { accessKeyId, region, service }
}

function readHeader(authorization: string, headers: Headers): SignatureFields {
  const [scheme, rest] = splitOnce(authorization.trim(), /\s+/)
  if (scheme !== algorithm) throw incomplete(`Unsupported AWS 'algorithm': expecting ${algorithm}`)
  const parts = new Map<string, string>()
  for (const part of rest.split(',')) {
    const [name, value] = splitOnce(part.trim(), /=/)
    if (parts.has(name)) throw incomplete(`Authorization header has ${name.slice(0, 40)} more than once`)
    parts.set(name, value)
  }
  return assemble({
    credential: parts.get('Credential'),
    signedHeaders: parts.get('SignedHeaders'),
    signature: parts.get('Signature'),
    date: readDate(headers),
    expires: undefined,
    sessionToken: single(headers, 'x-amz-security-token'),
  })
}

function readQuery(query: readonly (readonly [string, string])[]): SignatureFields {
  const find = (name: string): string | undefined => {
    const values = query.filter(([key]) => key === name)
    if (values.length > 1) throw incomplete(`The request has ${name} more than once`)
    return values[0]?.[1]
  }
  if (find('X-Amz-Algorithm') !== algorithm) throw incomplete(`X-Amz-Algorithm must be ${algorithm}`)
  const expires = find('X-Amz-Expires')
  if (expires === undefined) throw incomplete('AWS query-string parameters must include X-Amz-Expires')
  return assemble({
    credential: find('X-Amz-Credential'),
    signedHeaders: find('X-Amz-SignedHeaders'),
    signature: find('X-Amz-Signature'),
    date: find('X-Amz-Date'),
    expires,
    sessionToken: find('X-Amz-Security-Token'),
  })
}

type RawFields = Record<
  'credential' | 'signedHeaders' | 'signature' | 'date' | 'expires' | 'sessionToken',
  string | undefined
>

function assemble(raw: RawFields): SignatureFields {
  const { credential, signature, date, expires, sessionToken } = raw
  if (!credential) throw incomplete("The signature requires 'Credential' parameter.")
  if (!signature) throw incomplete("The signature requires 'Signature' parameter.")
  if (!raw.signedHeaders) throw incomplete("The signature requires 'SignedHeaders' parameter.")
  if (!date) throw incomplete("The signature requires existence of either a 'X-Amz-Date' or a 'Date' header.")
  if (!/^[0-9a-f]{64}$/.test(signature)) throw incomplete('Signature must be 64 hexadecimal digits')
  if (expires !== undefined && !/^[1-9]\d{0,8}$/.test(expires))
    throw incomplete('X-Amz-Expires must be a positive number of seconds')
  const signedHeaders = raw.signedHeaders.split(';')
  if (!signedHeaders.includes('host')) throw incomplete("'Host' must be a 'SignedHeader' in the AWS Authorization.")
  if (signedHeaders.length > 100 || signedHeaders.some((name) => !/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name))) {
    throw incomplete('SignedHeaders must be lower-case names of headers')
  }
  return {
    credential,
    signedHeaders,
    signature,
    date,
    time: parseDate(date),
    ...(expires === undefined ? {} : { expiresSeconds: Number(expires) }),
    ...(sessionToken === undefined ? {} : { sessionToken }),
  }
}

/** `X-Amz-Date`, else `Date`, which may also have HTTP's own form. */
function readDate(headers: Headers): string | undefined {
  const own = single(headers, 'x-amz-date')
  if (own !== undefined) return own
  const date = single(headers, 'date')
  if (date === undefined || /^\d{8}T\d{6}Z$/.test(date)) return date
  const time = new Date(date)
  if (Number.isNaN(time.getTime())) throw incomplete('Date must be in ISO-8601 basic format')
  return time.toISOString().replace(/[-:]|\.\d+/g, '')
}

function parseDate(date: string): Date {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date)
  const [, year, month, day, hour, minute, second] = match ?? []
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (!match || Number.isNaN(time.getTime())) throw incomplete("Date must be in ISO-8601 'basic format'")
  return time
}

function single(headers: Headers, name: string): string | undefined {
  const values = headers.get(name) ?? []
  if (values.length > 1) throw incomplete(`The request has more than one ${name} header`)
  return values[0]?.trim()
}

function splitOnce(text: string, separator: RegExp): [string, string] {
  const match = separator.exec(text)
  return match ? [text.slice(0, match.index), text.slice(match.index + match[0].length)] : [text, '']
}

function incomplete(message: string): Ec2Error {
  return new Ec2Error('IncompleteSignature', message, 403)
}
