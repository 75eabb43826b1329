import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { streamEvents } from '../../../../src/api/stream/event-stream.ts'
import { createClient } from '../../../../src/cli/client.ts'
import { createEventBus } from '../../../../src/ec2/event/event-bus.ts'
import { systemClock } from '../../../../src/host/clock.ts'
import { openStore } from '../../../../src/store/store.ts'

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const accountId = '123456789012'

async function openStream() {
  const root = await mkdtemp(join(tmpdir(), 'kiln-events-'))
  ends.push(() => rm(root, { recursive: true }))
  const store = openStore(join(root, 'kiln.db'))
  const events = createEventBus({ store, clock: systemClock })
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://kiln')
    streamEvents(events, response, accountId, Number(searchParams.get('after')))
  })
  const socketPath = join(root, 's')
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  ends.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const publish = (message: string, resourceId = 'task-1') => events.publish({ kind: 'task', resourceId, message })
  return { store, publish, client: createClient({ socketPath }) }
}

async function take(events: AsyncIterable<{ Number: number; Message: string }>, count: number): Promise<string[]> {
  const seen: string[] = []
  for await (const { Number: number, Message: message } of events) {
    seen.push(`${number} ${message}`)
    if (seen.length === count) break
  }
  return seen
}

test('tells what was recorded after a number and goes on with what happens, each once and in order', async () => {
  const { store, publish, client } = await openStream()
  store.transaction(() => {
    for (let index = 1; index <= 1200; index++) publish(`event ${index}`)
  })
  const stream = client.events(1, new AbortController().signal)
  const taken = take(stream, 1399)
  for (let index = 1201; index <= 1400; index++) {
    publish(`event ${index}`)
    if (index % 20 === 0) await new Promise(setImmediate)
  }
  expect(await taken).toEqual(Array.from({ length: 1399 }, (_, index) => `${index + 2} event ${index + 2}`))
})

test('tells nothing of a change that was taken back', async () => {
  const { store, publish, client } = await openStream()
  const taken = take(client.events(0, new AbortController().signal), 2)
  publish('first')
  await new Promise(setImmediate)
  expect(() =>
    store.transaction(() => {
      publish('never')
      throw new Error('taken back')
    }),
  ).toThrow('taken back')
  await new Promise(setImmediate)
  publish('second')
  expect(await taken).toEqual(['1 first', '2 second'])
})

test('tells an account nothing of what belongs to another', async () => {
  const { store, publish, client } = await openStream()
  const task = { region: 'us-east-1', kind: 'build-image', subject: 'nano', state: 'running', startedAt: '' } as const
  store.transaction(() => {
    store.tasks.insert({ ...task, id: 'task-own', accountId })
    store.tasks.insert({ ...task, id: 'task-other', accountId: '444455556666' })
  })
  publish('own', 'task-own')
  publish('of another', 'task-other')
  publish('own again', 'task-own')
  expect(await take(client.events(0, new AbortController().signal), 2)).toEqual(['1 own', '3 own again'])
})
