import { once } from 'node:events'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { machineFile } from '../../../src/host/state-paths.ts'
import { createSerialConsoles } from '../../../src/machine/serial-console.ts'

let directory: string
let ends: (() => unknown)[]
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-serial-'))
  ends = [() => rm(directory, { recursive: true })]
})
afterEach(async () => {
  for (const end of ends.reverse()) await end()
})

/** Like QEMU: a serial socket that serves one client at a time, and a log of all that is printed. */
async function startMachine(printed = '') {
  const log = join(directory, machineFile.consoleLog)
  await writeFile(log, printed)
  const clients: Socket[] = []
  let typed = ''
  const server = createServer((socket) => {
    clients.push(socket)
    socket.on('data', (data) => (typed += data.toString()))
  })
  server.listen(join(directory, machineFile.serialSocket))
  await once(server, 'listening')
  const end = () => {
    for (const socket of clients) socket.destroy()
    server.close()
  }
  ends.push(end)
  return {
    clients,
    end,
    typed: () => typed,
    print: async (text: string) => {
      await appendFile(log, text)
      for (const socket of clients) socket.write(text)
    },
  }
}

async function readUntil(console: Duplex, ending: string): Promise<string> {
  let text = ''
  while (!text.endsWith(ending)) {
    const chunk = console.read() as Buffer | null
    if (chunk) text += chunk.toString()
    else await once(console, 'readable')
  }
  return text
}

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise(setImmediate)
}

test('shows what was printed of late and then what is printed, to all who look', async () => {
  const machine = await startMachine(`${'old line\n'.repeat(1000)}login: `)
  const consoles = createSerialConsoles()
  const first = await consoles.open(directory)
  const seen = await readUntil(first, 'login: ')
  expect(seen.length).toBeLessThan(1000)
  const second = await consoles.open(directory)
  await machine.print('Welcome')
  expect(await readUntil(first, 'Welcome')).toBe('Welcome')
  expect(await readUntil(second, 'Welcome')).toBe(`${seen}Welcome`)
  first.destroy()
  second.destroy()
})

test('types for all through the one connection that QEMU serves', async () => {
  const machine = await startMachine()
  const consoles = createSerialConsoles()
  const [first, second] = [await consoles.open(directory), await consoles.open(directory)]
  first.write('root\r')
  await until(() => machine.typed() === 'root\r')
  second.write('date\r')
  await until(() => machine.typed() === 'root\rdate\r')
  expect(machine.clients.length).toBe(1)
  first.destroy()
  second.write('x')
  await until(() => machine.typed().endsWith('x'))
  second.destroy()
  await once(machine.clients[0] as Socket, 'close')
  const third = await consoles.open(directory)
  third.write('y')
  await until(() => machine.typed().endsWith('y'))
  expect(machine.clients.length).toBe(2)
  third.destroy()
})

test('reads from the machine although nobody reads the console', async () => {
  const machine = await startMachine()
  const console = await createSerialConsoles().open(directory)
  await until(() => machine.clients.length === 1)
  await machine.print('x'.repeat(8 * 1024 * 1024))
  await until(() => machine.clients[0]?.writableLength === 0)
  expect(console.readableLength).toBeLessThan(1024 * 1024)
  console.destroy()
})

test('ends with the last words of a machine', async () => {
  const machine = await startMachine('Power down')
  const console = await createSerialConsoles().open(directory)
  machine.end()
  let text = ''
  for await (const chunk of console as AsyncIterable<Buffer>) text += chunk.toString()
  expect(text).toBe('Power down')
})

test('refuses at once when no machine is there, and can be tried again', async () => {
  const consoles = createSerialConsoles()
  await expect(consoles.open(directory)).rejects.toThrow('ENOENT')
  await startMachine('here')
  const console = await consoles.open(directory)
  expect(await readUntil(console, 'here')).toBe('here')
  console.destroy()
})
