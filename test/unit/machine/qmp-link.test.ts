import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock as clock } from '../../../src/host/clock.ts'
import type { QmpEvent } from '../../../src/machine/qmp.ts'
import { openQmpLink } from '../../../src/machine/qmp-link.ts'

let directory: string
let path: string
let isAlive: boolean
let server: Server | undefined
const sessions: Socket[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-qmp-'))
  path = join(directory, 'qmp.sock')
  isAlive = true
})
afterEach(async () => {
  isAlive = false
  for (const session of sessions.splice(0)) session.destroy()
  server?.close()
  await rm(directory, { recursive: true, force: true })
})

/** A monitor that greets and answers every command with its name. */
async function startMonitor(): Promise<void> {
  server = createServer((socket) => {
    sessions.push(socket)
    socket.on('error', () => socket.destroy())
    socket.write(`${JSON.stringify({ QMP: { version: {}, capabilities: [] } })}\r\n`)
    socket.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n').filter((part) => part.trim() !== '')) {
        const { execute, id } = JSON.parse(line) as { execute: string; id: number }
        socket.write(`${JSON.stringify({ return: execute, id })}\r\n`)
      }
    })
  })
  await new Promise<void>((resolve) => server?.listen(path, resolve))
}

function openLink(events: QmpEvent[] = []) {
  let opened = 0
  const link = openQmpLink({
    clock,
    path,
    isAlive: async () => isAlive,
    onEvent: (event) => events.push(event),
    onOpen: () => opened++,
    onClose: () => undefined,
  })
  return { link, openedCount: () => opened }
}

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await clock.sleep(5)
}

test('waits for a monitor that is not there yet', async () => {
  const { link } = openLink()
  await expect(link.execute('query-status')).rejects.toThrow('does not answer')
  await startMonitor()
  expect(await link.waitUntilOpen(10_000)).toBe(true)
  expect(await link.execute('query-status')).toBe('query-status')
})

test('opens another session when one breaks', async () => {
  await startMonitor()
  const { link, openedCount } = openLink()
  await link.waitUntilOpen(10_000)
  sessions[0]?.destroy()
  await until(() => openedCount() === 2)
  expect(await link.execute('stop')).toBe('stop')
})

test('hands on the events of every session', async () => {
  await startMonitor()
  const events: QmpEvent[] = []
  const { link, openedCount } = openLink(events)
  await link.waitUntilOpen(10_000)
  sessions[0]?.destroy()
  await until(() => openedCount() === 2)
  sessions[1]?.write(`${JSON.stringify({ event: 'RESUME', timestamp: {} })}\r\n`)
  await until(() => events.length > 0)
  expect(events).toEqual([{ event: 'RESUME', data: {} }])
})

test('gives up when the process ends before its monitor answers', async () => {
  const { link } = openLink()
  const opened = link.waitUntilOpen(60_000)
  isAlive = false
  expect(await opened).toBe(false)
})

test('does not wait longer than it is asked to', async () => {
  const { link } = openLink()
  expect(await link.waitUntilOpen(20)).toBe(false)
})
