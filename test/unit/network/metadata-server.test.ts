import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createMetadataServer } from '../../../src/network/metadata-server.ts'

let server: Server
let asked: string[]
const sockets: Socket[] = []

beforeEach(async () => {
  asked = []
  server = createMetadataServer((request, response) => {
    asked.push(request.url ?? '')
    response.end('answer')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets.length = 0
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

async function open(): Promise<Socket> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  sockets.push(socket)
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
  return socket
}

async function ask(request: string): Promise<string> {
  const socket = await open()
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
  socket.write(request)
  while (!socket.closed) await new Promise((resolve) => setTimeout(resolve, 5))
  return answer
}

test('a connection carries one answer, whatever was asked on it', async () => {
  const answer = await ask('GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPUT /2 HTTP/1.1\r\nHost: x\r\n\r\n')
  expect(answer).toContain('Connection: close')
  expect(answer.split('answer')).toHaveLength(2)
  expect(asked).toEqual(['/1'])
})

test('a client that says no more than its question is answered, also when that takes a moment', async () => {
  const slow = createMetadataServer((_, response) => setTimeout(() => response.end('late'), 50))
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve))
  const socket = connect((slow.address() as AddressInfo).port, '127.0.0.1')
  socket.end('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  expect(await text(socket)).toContain('late')
  slow.close()
})

test('headers without end are refused', async () => {
  expect(await ask(`GET / HTTP/1.1\r\nHost: ${'x'.repeat(20_000)}`)).toMatch(/^HTTP\/1.1 431 /)
})

test('a source that opens ever more connections is turned away, and served again when it closes some', async () => {
  const held = await Promise.all(Array.from({ length: 32 }, async () => await open()))
  const refused = await open()
  while (!refused.closed) await new Promise((resolve) => setTimeout(resolve, 10))
  for (const socket of held) socket.destroy()
  let answer = ''
  while (!answer.includes('answer')) answer = await ask('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
})

test('a listening server is taken over', async () => {
  const other = createMetadataServer((_, response) => response.end('other'))
  const listening = createServer()
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  await new Promise<void>((resolve) => other.listen(listening, resolve))
  const { port } = listening.address() as AddressInfo
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('other')
  other.close()
})
