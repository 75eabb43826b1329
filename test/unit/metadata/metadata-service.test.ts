import { randomBytes, randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { InstanceMetadata } from '../../../src/ec2/ports/metadata.ts'
import { createMetadataService, type MetadataService } from '../../../src/metadata/service.ts'
import { createMetadataServer } from '../../../src/network/metadata-server.ts'
import { sampleInstance } from './sample-instance.ts'

const ttlHeader = 'x-aws-ec2-metadata-token-ttl-seconds'
const tokenHeader = 'x-aws-ec2-metadata-token'
const secret = randomBytes(32)

let server: Server
let service: MetadataService
let instance: InstanceMetadata | undefined
let nowMs: number
let observed: string[]

beforeEach(async () => {
  instance = sampleInstance()
  nowMs = 0
  observed = []
  await open(secret)
})

afterEach(close)

async function open(tokenSecret: Buffer): Promise<void> {
  service = createMetadataService({
    lookup: (vpcId, sourceIp) => (vpcId === 'vpc-1' && sourceIp === '127.0.0.1' ? askerOf(instance) : undefined),
    requestsPerSecond: 50,
    observe: (instanceId, path) => observed.push(`${instanceId} ${path}`),
    clock: { now: () => new Date(nowMs), monotonicMs: () => nowMs, sleep: async () => {} },
    random: { bytes: (count) => randomBytes(count), uuid: () => randomUUID() },
    tokenSecret,
    signer: { sign: async (document) => ({ pkcs7: `pkcs7 of ${document.length}`, signature: 'signature' }) },
    onError: (error) => {
      throw error
    },
  })
  server = createMetadataServer(service.listener('vpc-1'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
}

function askerOf(asking: InstanceMetadata | undefined) {
  return asking && { instanceId: asking.instanceId, describe: () => asking }
}

async function close(): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

async function reopen(tokenSecret: Buffer): Promise<void> {
  await close()
  await open(tokenSecret)
}

function port(): number {
  return (server.address() as AddressInfo).port
}

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${port()}${path}`, init)
}

function askToken(headers: Record<string, string> = { [ttlHeader]: '60' }): Promise<Response> {
  return ask('/latest/api/token', { method: 'PUT', headers })
}

/** The answer as it goes over the wire, which the packet filter looks at. */
async function rawAnswer(head: string): Promise<string> {
  const socket = connect(port(), '127.0.0.1')
  socket.write(`${head}\r\nHost: x\r\nConnection: close\r\n\r\n`)
  return await text(socket)
}

function withOptions(changes: Partial<InstanceMetadata['options']>): InstanceMetadata {
  return sampleInstance({ options: { ...sampleInstance().options, ...changes } })
}

test('a token opens what requires one, until it expires', async () => {
  instance = withOptions({ tokens: 'required' })
  const token = await (await askToken()).text()
  const read = () => ask('/latest/meta-data/instance-id', { headers: { [tokenHeader]: token } })
  expect(await (await read()).text()).toBe('i-0123456789abcdef0')
  nowMs = 60_000
  expect((await read()).status).toBe(401)
})

test('without a token a read is refused only when tokens are required', async () => {
  expect((await ask('/latest/meta-data/instance-id')).status).toBe(200)
  instance = withOptions({ tokens: 'required' })
  expect((await ask('/latest/meta-data/instance-id')).status).toBe(401)
})

test('a wrong token and that of another instance are refused even when none is required', async () => {
  const token = await (await askToken()).text()
  instance = sampleInstance({ instanceId: 'i-0999999999999999' })
  expect((await ask('/latest/meta-data/', { headers: { [tokenHeader]: token } })).status).toBe(401)
  expect((await ask('/latest/meta-data/', { headers: { [tokenHeader]: 'x' } })).status).toBe(401)
})

test.each(['0', '21601', '-1', '1.5', 'x', ''])('a token life of %j seconds is a bad request', async (ttl) => {
  expect((await askToken({ [ttlHeader]: ttl })).status).toBe(400)
})

test('a token life is told back; none is a bad request; a forwarded request is forbidden', async () => {
  const answer = await askToken({ [ttlHeader]: '21600' })
  expect([answer.status, answer.headers.get(ttlHeader)]).toEqual([200, '21600'])
  expect((await askToken({})).status).toBe(400)
  expect((await askToken({ [ttlHeader]: '60', 'x-forwarded-for': '10.0.0.1' })).status).toBe(403)
})

test('a token that was changed in any place is refused', async () => {
  const token = await (await askToken()).text()
  const read = async (candidate: string) => {
    return (await ask('/latest/', { headers: { [tokenHeader]: candidate } })).status
  }
  expect(await read(token)).toBe(200)
  // The last letter before the padding holds 2 bits that count.
  for (const index of [0, 8, 20, 40, 53]) {
    const other = token[index] === 'A' ? 'Q' : 'A'
    expect(await read(`${token.slice(0, index)}${other}${token.slice(index + 1)}`)).toBe(401)
  }
})

test('a disabled endpoint forbids everything', async () => {
  instance = withOptions({ isEnabled: false })
  expect([(await askToken()).status, (await ask('/latest/')).status]).toEqual([403, 403])
})

test('other methods are not allowed', async () => {
  expect((await ask('/latest/api/token')).status).toBe(405)
  expect((await ask('/latest/meta-data/', { method: 'POST', body: 'x' })).status).toBe(405)
  expect((await ask('/latest/meta-data/', { method: 'PUT' })).status).toBe(405)
  expect((await ask('/2021-03-23/api/token', { method: 'PUT', headers: { [ttlHeader]: '60' } })).status).toBe(403)
})

test('a token is still good when the daemon was started anew, and no secret fits another', async () => {
  const token = await (await askToken()).text()
  await reopen(secret)
  expect((await ask('/latest/', { headers: { [tokenHeader]: token } })).status).toBe(200)
  await reopen(randomBytes(32))
  expect((await ask('/latest/', { headers: { [tokenHeader]: token } })).status).toBe(401)
})

test('only what was read counts as read', async () => {
  instance = withOptions({ tokens: 'required' })
  await ask('/latest/meta-data/instance-id')
  await ask('/latest/meta-data/instance-id', { headers: { [tokenHeader]: 'x' } })
  const token = await (await askToken()).text()
  await ask('/latest/meta-data/nothing', { headers: { [tokenHeader]: token } })
  expect(observed).toEqual([])
  await ask('/latest/meta-data/instance-id', { headers: { [tokenHeader]: token } })
  expect(observed).toEqual(['i-0123456789abcdef0 latest/meta-data/instance-id'])
})

test('the versions are listed; double slashes, a slash after a leaf and escapes do not matter', async () => {
  const versions = (await (await ask('/')).text()).split('\n')
  expect([versions[0], versions.at(-1)]).toEqual(['1.0', 'latest'])
  for (const version of versions) expect((await ask(`/${version}/meta-data/`)).status).toBe(200)
  expect((await ask('/2000-01-01/meta-data/')).status).toBe(404)
  expect((await ask('/latest/%zz')).status).toBe(404)
  expect(await (await ask('/latest//meta-data/reservation-id')).text()).toBe('r-0bbbbbbbbbbbbbbbb')
  expect(await (await ask('/latest/meta-data/placement/availability-zone/')).text()).toBe('us-east-1a')
  const escaped = '/latest/meta-data/network/interfaces/macs/02%3A00%3A00%3A00%3A00%3A05/device-number'
  expect(await (await ask(escaped)).text()).toBe('0')
})

test('user data comes back byte by byte', async () => {
  const answer = await ask('/latest/user-data')
  expect(answer.headers.get('content-type')).toBe('application/octet-stream')
  const bytes = await answer.arrayBuffer()
  expect([...new Uint8Array(bytes)]).toEqual([0x1f, 0x8b, 0x00, 0xff])
})

test('signatures are of the document as it is served', async () => {
  const at = async (leaf: string) => await (await ask(`/latest/dynamic/instance-identity/${leaf}`)).text()
  const { length } = await at('document')
  expect([await at('pkcs7'), await at('rsa2048'), await at('signature')]).toEqual([
    ...[`pkcs7 of ${length}`, `pkcs7 of ${length}`, 'signature'],
  ])
})

test('nobody and nowhere are not found', async () => {
  expect((await ask('/latest/meta-data/nothing')).status).toBe(404)
  instance = undefined
  expect((await ask('/latest/meta-data/')).status).toBe(404)
})

test('an instance that asks too often is told to try again, and another one is not', async () => {
  const statuses = async (count: number) => {
    const asked = []
    for (let left = count; left > 0; left--) asked.push((await ask('/latest/meta-data/instance-id')).status)
    return asked
  }
  expect(new Set(await statuses(50))).toEqual(new Set([200]))
  expect(await statuses(2)).toEqual([503, 503])
  instance = sampleInstance({ instanceId: 'i-0999999999999999' })
  expect(await statuses(1)).toEqual([200])
  instance = sampleInstance()
  nowMs = 40
  expect(await statuses(3)).toEqual([200, 200, 503])
  expect(service.usageOf('i-0123456789abcdef0')).toEqual({ requestCount: 55, throttledCount: 3 })
  expect(service.usageOf('i-0999999999999999')).toEqual({ requestCount: 1, throttledCount: 0 })
  expect(service.usageOf('i-nobody')).toEqual({ requestCount: 0, throttledCount: 0 })
})

test('HEAD tells the length and sends no body', async () => {
  const answer = await ask('/latest/meta-data/instance-id?x=1', { method: 'HEAD' })
  expect([
    answer.status,
    answer.headers.get('content-length'),
    answer.headers.get('server'),
    await answer.text(),
  ]).toEqual([200, '19', 'EC2ws', ''])
})

test('only the answer with a token has X- as the first letters of its first header', async () => {
  const answers = [
    await rawAnswer(`PUT /latest/api/token HTTP/1.1\r\n${ttlHeader}: 60`),
    await rawAnswer('GET /latest/meta-data/instance-id HTTP/1.1'),
    await rawAnswer('GET /latest/nothing HTTP/1.1'),
  ]
  expect(answers.map((answer) => answer.slice(0, 27))).toEqual([
    'HTTP/1.1 200 OK\r\nX-Aws-Ec2-',
    'HTTP/1.1 200 OK\r\nContent-Ty',
    'HTTP/1.1 404 Not Found\r\nCon',
  ])
})
