import { mkdtemp, rm } from 'node:fs/promises'
import { request, type Server } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSocketServer } from '../../src/api/socket/server.ts'
import { loadModel } from '../../src/ec2-model/model.ts'
import { systemRandom } from '../../src/host/random.ts'

const calls: unknown[] = []
let directory = ''
let server: Server

const unreachable = () => {
  throw new Error('nothing here opens streams, follows events or ends the daemon')
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-socket-'))
  server = createSocketServer({
    model: loadModel(),
    dispatch: async (_caller, _operation, input) => {
      calls.push(input)
      return {}
    },
    isOffered: () => true,
    random: systemRandom,
    log: pino({ level: 'silent' }),
    events: { publish: unreachable, readAfter: unreachable, follow: unreachable },
    accountId: '123456789012',
    isKnownAccount: () => false,
    defaultRegion: 'us-east-1',
    openStream: unreachable,
    openVpcStream: unreachable,
    openConsoleLog: unreachable,
    shutDown: unreachable,
    requestTimeoutMs: 300,
  })
  await new Promise<void>((resolve) => server.listen(join(directory, 's'), resolve))
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(directory, { recursive: true })
})

/** Sends bytes and returns what comes back until the server closes. */
async function exchange(bytes: string | Buffer): Promise<string> {
  const socket = connect(join(directory, 's'))
  socket.write(bytes)
  return text(socket)
}

const close = 'Host: h\r\nConnection: close\r\n'
const path = '/operations/DescribeVpcs'

function post(body: string | Buffer, at = path): Buffer {
  const head = `POST ${at} HTTP/1.1\r\n${close}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.from(body)])
}

const mebibyte = 1024 * 1024

test.each<[string, string | Buffer, number, string]>([
  ['no JSON', post('{"VpcIds":'), 400, 'MalformedInput'],
  ['a form', post('VpcId.1=vpc-1'), 400, 'MalformedInput'],
  ['a list', post('[]'), 400, 'MalformedInput'],
  ['nothing at all', post('null'), 400, 'MalformedInput'],
  ['no UTF-8', post(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])), 400, 'MalformedInput'],
  ['a zero byte', post('{"VpcIds":["\0"]}'), 400, 'MalformedInput'],
  ['an escaped zero byte', post('{"VpcIds":["\\u0000"]}'), 400, 'InvalidParameterValue'],
  ['a number that is none', post('{"MaxResults":NaN}'), 400, 'MalformedInput'],
  ['a number without end', post('{"MaxResults":1e999}'), 400, 'InvalidParameterValue'],
  ['absurd nesting', post(`{"VpcIds":${'['.repeat(400_000)}${']'.repeat(400_000)}}`), 400, 'InvalidParameterValue'],
  ['absurd nesting of objects', post(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`), 400, 'UnknownParameter'],
  ['a member of the language', post('{"__proto__":{"VpcIds":[]}}'), 400, 'UnknownParameter'],
  ['a body over the limit', post('x'.repeat(mebibyte + 1)), 413, 'RequestEntityTooLarge'],
  ['a body that does not come', `POST ${path} HTTP/1.1\r\n${close}Content-Length: 10\r\n\r\n{`, 408, 'RequestTimeout'],
  ['another method', `GET ${path} HTTP/1.1\r\n${close}\r\n`, 405, 'MethodNotAllowed'],
  ['another path', `GET /operation HTTP/1.1\r\n${close}\r\n`, 404, 'NotFound'],
  ['an operation that nobody has', post('{}', '/operations/DescribeNonsense'), 400, 'InvalidAction'],
  ['an operation of the language', post('{}', '/operations/constructor'), 400, 'InvalidAction'],
  ['an operation that is no name', post('{}', '/operations/..%2f..%2fetc'), 404, 'NotFound'],
  ['another account', `POST ${path} HTTP/1.1\r\n${close}x-kiln-account: 999\r\n\r\n`, 404, 'NoSuchEntity'],
  ['no HTTP', 'SSH-2.0-client\r\n\r\n', 400, 'InvalidRequest'],
  ['headers over the limit', `GET / HTTP/1.1\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`, 431, 'RequestHeadersTooLarge'],
])('the socket answers %s by an error with its request id, and calls nothing', async (_what, bytes, status, code) => {
  const answer = await exchange(bytes)
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toEqual({
    Code: code,
    Message: expect.stringMatching(/^.{1,300}$/) as string,
    RequestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
  })
  expect(calls).toEqual([])
})

test('a member that is given twice counts as it is given last, whatever the content type', async () => {
  const body = await new Promise<string>((resolve, reject) => {
    const headers = { 'content-type': 'text/plain' }
    request({ socketPath: join(directory, 's'), path, method: 'POST', headers }, (response) => {
      text(response).then(resolve, reject)
    })
      .on('error', reject)
      .end('{"MaxResults":5,"MaxResults":6}')
  })
  expect([body, calls.splice(0)]).toEqual(['{}\n', [{ MaxResults: 6 }]])
})
