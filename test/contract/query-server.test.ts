import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadModel } from '../../src/ec2-model/model.ts'
import { type Endpoint, startEndpoint } from './endpoint.ts'

let endpoint: Endpoint

beforeAll(async () => {
  endpoint = await startEndpoint(loadModel(), () => ({}), { limits: { bodyBytes: 1000, requestTimeoutMs: 300 } })
})

afterAll(() => endpoint.close())

/** Sends bytes and returns what comes back until the server closes. */
async function exchange(bytes: string): Promise<string> {
  const socket = connect(endpoint.port, '127.0.0.1')
  socket.write(bytes)
  return text(socket)
}

const close = 'Host: h\r\nConnection: close\r\n'

test.each([
  ['no signature', `POST / HTTP/1.1\r\n${close}\r\n`, 403, 'MissingAuthenticationToken'],
  ['a body over the limit', `POST / HTTP/1.1\r\n${close}Content-Length: 1001\r\n\r\n`, 413, 'RequestEntityTooLarge'],
  [
    'a chunked body over the limit',
    `POST / HTTP/1.1\r\n${close}Transfer-Encoding: chunked\r\n\r\n7d0\r\n${'a'.repeat(2000)}\r\n`,
    413,
    'RequestEntityTooLarge',
  ],
  ['a body that does not come', `POST / HTTP/1.1\r\n${close}Content-Length: 10\r\n\r\nabc`, 408, 'RequestTimeout'],
  ['another method', `PUT / HTTP/1.1\r\n${close}\r\n`, 405, 'MethodNotAllowed'],
  ['another path', `GET /latest HTTP/1.1\r\n${close}\r\n`, 404, 'NotFound'],
  [
    'another content type',
    `POST / HTTP/1.1\r\n${close}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
    415,
    'UnsupportedMediaType',
  ],
  ['a malformed query', `GET /?a=%zz HTTP/1.1\r\n${close}\r\n`, 400, 'MalformedQueryString'],
  ['no HTTP', 'SSH-2.0-client\r\n\r\n', 400, 'InvalidRequest'],
  ['headers over the limit', `GET / HTTP/1.1\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`, 431, 'RequestHeadersTooLarge'],
])('answers %s by an EC2 error with its request id', async (_what, bytes, status, code) => {
  const answer = await exchange(bytes)
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(answer).toContain(`<Code>${code}</Code>`)
  const requestId = /x-amzn-requestid: ([0-9a-f-]{36})/.exec(answer)?.[1]
  expect(answer).toContain(`<RequestID>${requestId}</RequestID>`)
})

test('refuses STS in its own form', async () => {
  const answer = await exchange(`GET /?Action=GetCallerIdentity&Version=2011-06-15 HTTP/1.1\r\n${close}\r\n`)
  expect(answer).toContain(
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>MissingAuthenticationToken</Code>',
  )
})
