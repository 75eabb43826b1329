import { createHash, createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type SignedRequest, verifySignature } from '../../../../src/api/query/signature.ts'
import { Ec2Error } from '../../../../src/ec2/errors.ts'

const now = new Date('2026-11-23T10:00:00Z')
const date = '20261123T100000Z'
const secrets = new Map([
  ['AKID', { secret: 'SECRET', isExpired: false }],
  ['OLD', { secret: 'SECRET', isExpired: true }],
])
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

/** Signs as the documentation of Signature Version 4 says, apart from the code under test. */
function signatureOf(canonicalRequest: string, service = 'ec2', secret = 'SECRET', at = date): string {
  const scope = `${at.slice(0, 8)}/us-east-1/${service}/aws4_request`
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secret}`)
  return hmac(key, ['AWS4-HMAC-SHA256', at, scope, sha256(canonicalRequest)].join('\n')).toString('hex')
}

function postWith(options: { service?: string; secret?: string; at?: string; key?: string } = {}): SignedRequest {
  const { service = 'ec2', secret = 'SECRET', at = date, key = 'AKID' } = options
  const body = 'Action=DescribeRegions&Version=2016-11-15'
  const canonical = [
    'POST',
    '/',
    '',
    'host:127.0.0.1:8773',
    `x-amz-date:${at}`,
    'x-odd:a b,c',
    '',
    'host;x-amz-date;x-odd',
    sha256(body),
  ]
  const signature = signatureOf(canonical.join('\n'), service, secret, at)
  const credential = `${key}/${at.slice(0, 8)}/us-east-1/${service}/aws4_request`
  return {
    method: 'POST',
    url: '/',
    rawHeaders: [
      ...['HoSt', '127.0.0.1:8773', 'X-Amz-DATE', at, 'X-Odd', '  a   b ', 'x-odd', 'c'],
      ...[
        'Authorization',
        `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=host;x-amz-date;x-odd,  Signature=${signature}`,
      ],
    ],
    body: Buffer.from(body),
  }
}

function presignedWith(expires = '60'): SignedRequest {
  const unsigned =
    `Action=DescribeInstances&Filter.1.Name=tag%3Aa%20b%2A&X-Amz-Algorithm=AWS4-HMAC-SHA256` +
    `&X-Amz-Credential=AKID%2F20261123%2Fus-east-1%2Fec2%2Faws4_request&X-Amz-Date=${date}&X-Amz-Expires=${expires}&X-Amz-SignedHeaders=host`
  const signature = signatureOf(['GET', '/', unsigned, 'host:h', '', 'host', sha256('')].join('\n'))
  // In another order and another spelling of the same: a blank as +, the asterisk as itself.
  const [action, ...rest] = unsigned.replace('a%20b%2A', 'a+b*').split('&')
  return {
    method: 'GET',
    url: `/?${rest.join('&')}&X-Amz-Signature=${signature}&${action}`,
    rawHeaders: ['Host', 'h'],
    body: Buffer.alloc(0),
  }
}

function verify(request: SignedRequest, at = now): string {
  try {
    const { accessKeyId, region, service } = verifySignature(request, (key) => secrets.get(key), at)
    return `${accessKeyId} ${region} ${service}`
  } catch (error) {
    if (error instanceof Ec2Error) return `${error.status} ${error.code}`
    throw error
  }
}

const later = (seconds: number) => new Date(now.getTime() + seconds * 1000)
const withHeader = (request: SignedRequest, ...header: string[]) => ({
  ...request,
  rawHeaders: [...request.rawHeaders, ...header],
})

describe('a signature', () => {
  test.each([
    ['in the headers, whatever their case, blanks and repetition', postWith(), 'AKID us-east-1 ec2'],
    ['in the query, whatever its order and spelling', presignedWith(), 'AKID us-east-1 ec2'],
    ['for STS', postWith({ service: 'sts' }), 'AKID us-east-1 sts'],
    [
      'with the true hash of the body',
      withHeader(postWith(), 'x-amz-content-sha256', sha256('Action=DescribeRegions&Version=2016-11-15')),
      'AKID us-east-1 ec2',
    ],
  ])('%s is accepted', (_what, request, outcome) => {
    expect(verify(request)).toBe(outcome)
  })

  test.each([
    ['nothing at all', { ...postWith(), rawHeaders: ['Host', 'h'] }, '403 MissingAuthenticationToken'],
    ['a wrong secret', postWith({ secret: 'OTHER' }), '401 AuthFailure'],
    ['an unknown key', postWith({ key: 'NOBODY' }), '401 AuthFailure'],
    ['a wrong secret for STS', postWith({ service: 'sts', secret: 'OTHER' }), '403 SignatureDoesNotMatch'],
    ['an unknown key for STS', postWith({ service: 'sts', key: 'NOBODY' }), '403 InvalidClientTokenId'],
    ['a session that has ended', postWith({ key: 'OLD' }), '400 RequestExpired'],
    ['a session that has ended, for STS', postWith({ service: 'sts', key: 'OLD' }), '403 ExpiredToken'],
    [
      'a wrong secret of a session that has ended',
      postWith({ service: 'sts', key: 'OLD', secret: 'OTHER' }),
      '403 SignatureDoesNotMatch',
    ],
    ['another service', postWith({ service: 's3' }), '401 AuthFailure'],
    ['another body', { ...postWith(), body: Buffer.from('Action=TerminateInstances') }, '401 AuthFailure'],
    ['another method', { ...postWith(), method: 'GET' }, '401 AuthFailure'],
    ['an added parameter', { ...postWith(), url: '/?DryRun=true' }, '401 AuthFailure'],
    ['an unsigned body', withHeader(postWith(), 'x-amz-content-sha256', 'UNSIGNED-PAYLOAD'), '401 AuthFailure'],
    ['a second Authorization', withHeader(postWith(), 'Authorization', 'x'), '403 IncompleteSignature'],
    [
      'another algorithm',
      { ...postWith(), rawHeaders: ['Authorization', 'AWS4-ECDSA-P256-SHA256 x'] },
      '403 IncompleteSignature',
    ],
    ['a presigned request of more than a week', presignedWith('604801'), '401 AuthFailure'],
    ['a presigned request of no time', presignedWith('0'), '403 IncompleteSignature'],
  ])('is refused for %s', (_what, request, outcome) => {
    expect(verify(request)).toBe(outcome)
  })

  test('is good for five minutes before and after its time', () => {
    expect([-301, -300, 300, 301].map((seconds) => verify(postWith(), later(seconds)))).toEqual([
      '400 RequestExpired',
      'AKID us-east-1 ec2',
      'AKID us-east-1 ec2',
      '400 RequestExpired',
    ])
  })

  test('of a presigned request is good until it expires', () => {
    expect([60, 61].map((seconds) => verify(presignedWith(), later(seconds)))).toEqual([
      'AKID us-east-1 ec2',
      '400 RequestExpired',
    ])
  })

  test('made of random pieces is refused, never worse', () => {
    const pieces = [
      'AWS4-HMAC-SHA256',
      ' ',
      'Credential=',
      'AKID/20261123/us-east-1/ec2/aws4_request',
      ',',
      'SignedHeaders=',
      'host',
      ';',
      'Signature=',
      'a'.repeat(64),
      '=',
      '__proto__',
      '%',
      '\u00ff',
    ]
    let state = 11
    const dice = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32
    const piece = () => pieces[Math.floor(dice() * pieces.length)] ?? ''
    for (let round = 0; round < 3000; round++) {
      const authorization = `AWS4-HMAC-SHA256 ${Array.from({ length: Math.floor(dice() * 14) }, piece).join('')}`
      const rawHeaders = ['Host', 'h', 'X-Amz-Date', date, 'Authorization', authorization]
      expect(verify({ method: 'POST', url: '/', rawHeaders, body: Buffer.alloc(0) })).toMatch(
        /^40[13] (IncompleteSignature|AuthFailure)$/,
      )
    }
  })
})
