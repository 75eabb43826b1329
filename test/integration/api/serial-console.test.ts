import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import pino from 'pino'
import { afterEach, beforeAll, afterAll, beforeEach, expect, test } from 'vitest'
import { createSerialConsoleServer, type SerialConsoleServer } from '../../../src/api/serial-console/server.ts'
import { createSerialSessions, type SerialSessions } from '../../../src/ec2/instance-connect/serial-sessions.ts'
import type { InstanceRecord } from '../../../src/ec2/instance/instance.ts'
import { createKey } from '../../../src/ec2/key-pair/key-material.ts'
import { type Clock, systemClock } from '../../../src/host/clock.ts'

// By OpenSSH's own client: the console is one that repeats what is typed.
const instance = { id: 'i-0123456789abcdef0' } as InstanceRecord
const user = `${instance.id}.port0`

let directory: string
let keys: readonly { readonly file: string; readonly line: string }[]
let hostKey: string
let allowed: string[]
let sessions: SerialSessions
let consoles: Duplex[]
let door: SerialConsoleServer
let clients: ChildProcess[]
let endHour: () => void

beforeAll(async () => {
  directory = await mkdtemp('/tmp/serial-console-')
  keys = await Promise.all(
    (['ed25519', 'rsa', 'ed25519'] as const).map(async (type, index) => {
      const { privateKey, publicKey } = await createKey(type)
      const file = join(directory, `key${index}`)
      await writeFile(file, privateKey)
      await chmod(file, 0o600)
      return { file, line: publicKey }
    }),
  )
  hostKey = (await createKey('ed25519')).privateKey
})
afterAll(async () => await rm(directory, { recursive: true }))

beforeEach(async () => {
  allowed = keys.slice(0, 2).map(({ line }) => line)
  sessions = createSerialSessions()
  consoles = []
  clients = []
  const clock: Clock = {
    ...systemClock,
    sleep: async (ms, signal) => {
      if (ms < 3600_000) return await systemClock.sleep(ms, signal)
      await new Promise<void>((resolve, reject) => {
        endHour = resolve
        signal?.addEventListener('abort', () => reject(new Error('it has ended')))
      })
    },
  }
  door = createSerialConsoleServer({
    readHostKey: async () => hostKey,
    findLogin: (name) => (name === user ? { instance, publicKeys: allowed } : undefined),
    begin: (id, end) => sessions.begin(id, end),
    open: async () => {
      const opened = new Duplex({
        read: () => undefined,
        write(chunk: Buffer, _, done) {
          this.push(`typed ${chunk.toString()}`)
          done()
        },
      })
      opened.push('login: ')
      consoles.push(opened)
      return opened
    },
    clock,
    log: pino({ level: 'silent' }),
  })
  door.server.listen(0, '127.0.0.1')
  await once(door.server, 'listening')
})
afterEach(() => {
  door.close()
  for (const client of clients) client.kill('SIGKILL')
})

interface Client {
  type(text: string): void
  shows(text: string): Promise<void>
  /** What it has printed and how it ended, once it has. */
  readonly ended: Promise<{ readonly code: number | null; readonly text: string }>
}

function ssh(keyFile: string | undefined, name: string, ...more: readonly string[]): Client {
  const { port } = door.server.address() as AddressInfo
  const settings = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes', 'IdentitiesOnly=yes']
  const identity = keyFile === undefined ? [] : ['-i', keyFile]
  const options = [...settings.flatMap((setting) => ['-o', setting]), '-F', '/dev/null', ...identity]
  const child = spawn('ssh', [
    ...options,
    '-p',
    String(port),
    ...more.slice(0, -1),
    `${name}@127.0.0.1`,
    ...more.slice(-1),
  ])
  clients.push(child)
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (said) => (text += said))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, text }))
  return {
    type: (typed) => child.stdin.write(typed),
    shows: async (wanted) => {
      while (!text.includes(wanted)) {
        if (child.exitCode !== null) throw new Error(`it ended: ${text}`)
        await systemClock.sleep(10)
      }
    },
    ended,
  }
}

test.each([
  ['an ED25519', 0],
  ['an RSA', 1],
])('who has the other half of %s key that was pushed is at the console, both ways', async (_, index) => {
  const client = ssh(keys[index]?.file, user)
  await client.shows('login: ')
  client.type('root\n')
  await client.shows('typed root\n')
})

test.each([
  ['another key', () => ssh(keys[2]?.file, user)],
  ['no key', () => ssh(undefined, user)],
  ['another user', () => ssh(keys[0]?.file, 'root')],
  ['another port of the machine', () => ssh(keys[0]?.file, `${instance.id}.port1`)],
])('%s does not let in', async (_, connect) => {
  const { code, text } = await connect().ended
  expect(code).toBe(255)
  expect(text).toContain('Permission denied (publickey)')
  expect(consoles).toEqual([])
})

test('a key lets in no more once its minute is over', async () => {
  allowed = []
  expect((await ssh(keys[0]?.file, user).ended).text).toContain('Permission denied')
})

test('there is nothing but the console: no command, no file transfer, no forwarding', async () => {
  expect(await ssh(keys[0]?.file, user, 'ls').ended).toMatchObject({ code: 255 })
  expect(await ssh(keys[0]?.file, user, '-s', 'sftp').ended).toMatchObject({ code: 255 })
  const forward = await ssh(keys[0]?.file, user, '-W', '127.0.0.1:22', '-N').ended
  expect(forward.code).not.toBe(0)
  expect(consoles).toEqual([])
})

test('a machine has one session at a time, and the next one when that has ended', async () => {
  const first = ssh(keys[0]?.file, user)
  await first.shows('login: ')
  expect(sessions.has(instance.id)).toBe(true)
  const { code, text } = await ssh(keys[1]?.file, user).ended
  expect(code).toBe(1)
  expect(text).toContain('The instance currently has 1 active serial console session.')
  clients[0]?.kill()
  await first.ended
  while (sessions.has(instance.id)) await systemClock.sleep(10)
  expect(consoles[0]?.destroyed).toBe(true)
  await ssh(keys[1]?.file, user).shows('login: ')
})

test.each([
  ['its machine ends', () => consoles[0]?.push(null), 0, `The machine of ${instance.id} has ended.`],
  ['access is disabled', () => sessions.endWhere(() => true), 1, 'Access to serial consoles was disabled.'],
  ['it has lasted an hour', () => endHour(), 0, 'The session has lasted an hour'],
])('a session ends when %s', async (_, happens, status, said) => {
  const client = ssh(keys[0]?.file, user)
  await client.shows('login: ')
  happens()
  const { code, text } = await client.ended
  expect(code).toBe(status)
  expect(text).toContain(said)
  expect(sessions.has(instance.id)).toBe(false)
})
