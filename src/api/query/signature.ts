import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { Ec2Error } from '../../ec2/errors.ts'
import { canonicaliseHeaders, canonicalisePath, canonicaliseQuery, collectHeaders } from './canonical-request.ts'
import { readCredentialScope, readSignatureFields, type SignatureFields } from './signature-fields.ts'

/** What a signature covers, as it came over the wire. */
export interface SignedRequest {
  readonly method: string
  /** Path with its query, still encoded. */
  readonly url: string
  /** Names and values by turns, repeated headers repeated, as `IncomingMessage.rawHeaders` has them. */
  readonly rawHeaders: readonly string[]
  readonly body: Uint8Array
}

/** The secret behind an access key. */
export interface SigningSecret {
  readonly secret: string
  /** It was good once. */
  readonly isExpired?: boolean
}

/** Who signed, for which region and service. */
export interface VerifiedSignature<Credential> {
  readonly accessKeyId: string
  /** What belongs to the key. */
  readonly credential: Credential
  readonly region: string
  /** `ec2`, `sts` or `ec2-instance-connect`. */
  readonly service: string
}

const maximumSkewMs = 5 * 60 * 1000
const longestPresignedSeconds = 7 * 24 * 60 * 60

/**
 * Verifies Signature Version 4, in the headers or in the query (presigned), over the bytes that were received. Throws EC2's errors:
 * MissingAuthenticationToken, IncompleteSignature, RequestExpired, AuthFailure; where the request was signed for STS, that
 * service's own: InvalidClientTokenId, SignatureDoesNotMatch, ExpiredToken. An unknown key and a wrong secret get the same answer
 * from EC2. `findSecret` is told the session token that came with the request, and answers for both together.
 */
export function verifySignature<Credential extends SigningSecret>(
  request: SignedRequest,
  findSecret: (accessKeyId: string, sessionToken: string | undefined) => Credential | undefined,
  now: Date,
): VerifiedSignature<Credential> {
  const headers = collectHeaders(request.rawHeaders)
  const fields = readSignatureFields(request.url, headers)
  const scope = readCredentialScope(fields)
  const refusals = refusalsOf(scope.service)
  refuseStale(fields, now, refusals)

  const known = findSecret(scope.accessKeyId, fields.sessionToken)
  // The same work is done for an unknown key, so that the time taken does not tell.
  const expected = sign(request, fields, headers, known?.secret ?? '')
  const isEqual = timingSafeEqual(expected, Buffer.from(fields.signature, 'hex'))
  if (!known) throw refusals.unknownKey()
  if (!isEqual || !isBodyAsDeclared(request, headers)) throw refusals.wrongSignature()
  if (known.isExpired) throw refusals.expiredToken()
  return { ...scope, credential: known }
}

function sign(
  request: SignedRequest,
  fields: SignatureFields,
  headers: ReadonlyMap<string, readonly string[]>,
  secret: string,
): Buffer {
  const [path, query] = splitUrl(request.url)
  const canonicalRequest = [
    request.method,
    canonicalisePath(path),
    canonicaliseQuery(query),
    canonicaliseHeaders(fields.signedHeaders, headers),
    fields.signedHeaders.join(';'),
    sha256(request.body),
  ].join('\n')
  const scope = fields.credential.split('/').slice(1)
  const text = ['AWS4-HMAC-SHA256', fields.date, scope.join('/'), sha256(canonicalRequest)].join('\n')
  let key: Buffer = Buffer.from(`AWS4${secret}`)
  for (const part of scope) key = hmac(key, part)
  return hmac(key, text)
}

/** A client that says what its body hashes to must have said the truth; EC2 takes no unsigned bodies. */
function isBodyAsDeclared(request: SignedRequest, headers: ReadonlyMap<string, readonly string[]>): boolean {
  const declared = headers.get('x-amz-content-sha256')
  return declared === undefined || (declared.length === 1 && declared[0]?.trim().toLowerCase() === sha256(request.body))
}

function refuseStale(fields: SignatureFields, now: Date, refusals: Refusals): void {
  const age = now.getTime() - fields.time.getTime()
  if (fields.expiresSeconds === undefined) {
    if (Math.abs(age) > maximumSkewMs) throw refusals.expired(fields.date)
    return
  }
  if (fields.expiresSeconds > longestPresignedSeconds) {
    throw new Ec2Error(
      'AuthFailure',
      'X-Amz-Expires must be less than a week (in seconds); that is, it must be less than 604800',
      401,
    )
  }
  if (age < -maximumSkewMs || age > fields.expiresSeconds * 1000) throw refusals.expired(fields.date)
}

interface Refusals {
  unknownKey(): Ec2Error
  wrongSignature(): Ec2Error
  expired(date: string): Ec2Error
  expiredToken(): Ec2Error
}

/** Each service refuses the same things in different words. */
function refusalsOf(service: string): Refusals {
  if (service === 'ec2-instance-connect') return connectRefusals
  return service === 'sts' ? stsRefusals : ec2Refusals
}

const ec2Refusals: Refusals = {
  unknownKey: authFailure,
  wrongSignature: authFailure,
  expired: requestExpired,
  expiredToken: requestExpired,
}

const stsRefusals: Refusals = {
  unknownKey: () => new Ec2Error('InvalidClientTokenId', 'The security token included in the request is invalid.', 403),
  wrongSignature: () =>
    new Ec2Error(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and ' +
        'signing method. Consult the service documentation for details.',
      403,
    ),
  expired: (date) =>
    new Ec2Error(
      'SignatureDoesNotMatch',
      `Signature expired or not yet current: ${date} is too far from the time of this host`,
      403,
    ),
  expiredToken: () => new Ec2Error('ExpiredToken', 'The security token included in the request is expired', 403),
}

const connectRefusals: Refusals = {
  unknownKey: () =>
    new Ec2Error('UnrecognizedClientException', 'The security token included in the request is invalid.', 403),
  wrongSignature: () =>
    new Ec2Error(
      'InvalidSignatureException',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and ' +
        'signing method. Consult the service documentation for details.',
      403,
    ),
  expired: (date) => new Ec2Error('InvalidSignatureException', `Signature expired or not yet current: ${date}`, 403),
  expiredToken: () =>
    new Ec2Error('ExpiredTokenException', 'The security token included in the request is expired', 403),
}

function requestExpired(): Ec2Error {
  return new Ec2Error('RequestExpired', 'Request has expired.')
}

function authFailure(): Ec2Error {
  return new Ec2Error('AuthFailure', 'AWS was not able to validate the provided access credentials', 401)
}

/** Path and query of a request target. */
export function splitUrl(url: string): [path: string, query: string] {
  const mark = url.indexOf('?')
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)]
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

function hmac(key: Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest()
}
