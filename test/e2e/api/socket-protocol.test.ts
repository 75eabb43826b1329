import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab } from './api-lab.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab()
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

/** A request to the unix socket, as it is. */
async function callSocket(method: string, path: string, body: string): Promise<{ status: number; body: unknown }> {
  const bytes = `${method} ${path} HTTP/1.1\r\nHost: kiln\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  const answer = await exchange({ path: `${api.lab.home}/kilnd.sock` }, bytes)
  const [head = '', content = ''] = answer.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), body: JSON.parse(content) as unknown }
}

/** Sends bytes and returns what comes until the daemon ends the connection. */
async function exchange(
  target: { path: string } | { host: string; port: number },
  bytes: string | Buffer,
): Promise<string> {
  const socket = connect(target)
  // A connection that is cut for garbage is an answer too.
  const ended = text(socket).catch(() => '')
  socket.end(bytes)
  return await ended
}

describe('the socket refuses', () => {
  test.each([
    ['an unknown operation', 'POST', '/operations/MakeCoffee', '{}', 400, 'InvalidAction', 'MakeCoffee'],
    ['another method', 'GET', '/operations/DescribeVpcs', '', 405, 'MethodNotAllowed', 'POST'],
    ['another path', 'POST', '/operations/../../etc/passwd', '{}', 404, 'NotFound', '/etc/passwd'],
    ['a path that is none', 'POST', '//', '{}', 404, 'NotFound', 'There is no'],
    ['half a body', 'POST', '/operations/DescribeVpcs', '{"VpcIds":[', 400, 'MalformedInput', 'JSON'],
    ['a list', 'POST', '/operations/DescribeVpcs', '[]', 400, 'MalformedInput', 'JSON'],
    [
      'a body over the limit',
      'POST',
      '/operations/DescribeVpcs',
      `{"x":"${'x'.repeat(3_000_000)}"}`,
      413,
      'RequestEntityTooLarge',
      '1048576',
    ],
    [
      'an unknown parameter',
      'POST',
      '/operations/DescribeVpcs',
      '{"__proto__x":1}',
      400,
      'UnknownParameter',
      '__proto__x',
    ],
    [
      'a number for a text',
      'POST',
      '/operations/DescribeVpcs',
      '{"NextToken":7}',
      400,
      'InvalidParameterValue',
      'Expecting a text.',
    ],
    [
      'a text for a number',
      'POST',
      '/operations/DescribeVpcs',
      '{"MaxResults":"7"}',
      400,
      'InvalidParameterValue',
      'Expecting a number.',
    ],
    [
      'a text for a list',
      'POST',
      '/operations/DescribeVpcs',
      '{"VpcIds":"vpc-1"}',
      400,
      'InvalidParameterValue',
      'Expecting a list.',
    ],
    [
      'lists in lists',
      'POST',
      '/operations/DescribeVpcs',
      `{"VpcIds":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      400,
      'InvalidParameterValue',
      'Expecting a text.',
    ],
    [
      'a truth for a boolean',
      'POST',
      '/operations/DescribeVpcs',
      '{"DryRun":1}',
      400,
      'InvalidParameterValue',
      'Expecting a boolean',
    ],
    [
      'a control character',
      'POST',
      '/operations/CreateKeyPair',
      '{"KeyName":"a\\u0000b"}',
      400,
      'InvalidParameterValue',
      'not allowed',
    ],
    [
      'a member that its operation lacks',
      'POST',
      '/operations/KilnGetStatus',
      '{"x":1}',
      400,
      'UnsupportedOperation',
      'x',
    ],
    [
      'a schedule that is no cron expression',
      'POST',
      '/operations/KilnPutSchedule',
      '{"Name":"n","InstanceIds":["i-01234567"],"Action":"stop","Cron":"every day"}',
      400,
      'InvalidParameterValue',
      'five fields',
    ],
    [
      'a schedule of no instance',
      'POST',
      '/operations/KilnPutSchedule',
      '{"Name":"n","InstanceIds":[],"Action":"stop","Cron":"0 0 * * *"}',
      400,
      'InvalidParameterValue',
      'InstanceIds',
    ],
    [
      'a schedule for what is not there',
      'POST',
      '/operations/KilnPutSchedule',
      '{"Name":"n","InstanceIds":["i-01234567"],"Action":"stop","Cron":"0 0 * * *"}',
      400,
      'InvalidInstanceID.NotFound',
      'i-01234567',
    ],
    [
      'a schedule with a bell in its name',
      'POST',
      '/operations/KilnPutSchedule',
      '{"Name":"a\\u0007","InstanceIds":["i-01234567"],"Action":"stop","Cron":"0 0 * * *"}',
      400,
      'InvalidParameterValue',
      'Name',
    ],
    [
      'a task that is not there',
      'POST',
      '/operations/KilnCancelTask',
      '{"TaskId":"../../x"}',
      400,
      'InvalidTaskId.Malformed',
      '../../x',
    ],
    [
      'an image with a path for a name',
      'POST',
      '/operations/KilnImportImage',
      '{"Name":"a\\nb","Source":"/dev/null"}',
      400,
      'InvalidAMIName.Malformed',
      'AMI names',
    ],
  ])('%s', async (_what, method, path, body, status, code, message) => {
    const answer = await callSocket(method, path, body)
    expect(answer).toEqual({
      status,
      body: {
        Code: code,
        Message: expect.stringContaining(message) as string,
        RequestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      },
    })
  })
})

test('the daemon survives garbage at both of its doors', async () => {
  const { hostname, port } = new URL(api.endpointUrl)
  const doors = [{ path: `${api.lab.home}/kilnd.sock` }, { host: hostname, port: Number(port) }]
  const seed = Array.from({ length: 4096 }, (_, index) => (index * 7919 + (index >> 3) * 104_729) % 256)
  const garbage = [
    Buffer.from(seed),
    Buffer.from('\r\n\r\n\r\n'),
    Buffer.from('GET / HTTP/9.9\r\n\r\n'),
    Buffer.from('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n'),
    Buffer.from('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'),
    Buffer.from('GET /console/i-01234567 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: kiln-stream\r\n\r\n'),
    Buffer.from('GET /dial/i-01234567/99999 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    Buffer.from(
      `GET /?${'%'.repeat(5000)} HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 \r\nConnection: close\r\n\r\n`,
    ),
    Buffer.from(`POST /operations/${'A'.repeat(60_000)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
    Buffer.from('POST /operations/DescribeVpcs HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{'),
  ]
  for (const door of doors) {
    for (const bytes of garbage) expect(await exchange(door, bytes)).not.toMatch(/\bat .*:\d+:\d+/)
  }
  const { Health: health, Pid: pid } = await api.lab.call('KilnGetStatus', {})
  expect([health, pid > 0]).toEqual(['ok', true])
})
