import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { createOverhearing } from '../../../src/network/overhearing.ts'

const never = new AbortController().signal
const makeServer = () => new EventEmitter() as Socket

test('who asks whether a guest answers hears what it says to another', async () => {
  const overhearing = createOverhearing()
  const conversation = overhearing.begin('vpc-1', '172.31.0.5', 22)
  const heard = overhearing.overhear('vpc-1', '172.31.0.5', 22, never)
  const server = makeServer()
  conversation.follow(server)
  server.emit('data', Buffer.from('SSH-2.0-server'))
  expect(String(await heard)).toBe('SSH-2.0-server')
})

test('nothing is heard where nobody asks', async () => {
  const overhearing = createOverhearing()
  overhearing.begin('vpc-1', '172.31.0.5', 22)
  expect(await overhearing.overhear('vpc-1', '172.31.0.5', 80, never)).toBeUndefined()
  expect(await overhearing.overhear('vpc-2', '172.31.0.5', 22, never)).toBeUndefined()
})

test('one who gives up does not end the listening to another', async () => {
  const overhearing = createOverhearing()
  const first = overhearing.begin('vpc-1', '172.31.0.5', 22)
  const second = overhearing.begin('vpc-1', '172.31.0.5', 22)
  const heard = overhearing.overhear('vpc-1', '172.31.0.5', 22, never)
  first.end()
  const server = makeServer()
  second.follow(server)
  server.emit('data', Buffer.from('SSH-'))
  expect(String(await heard)).toBe('SSH-')
})

test.each([
  ['all give up', (end: () => void) => end()],
  ['its own time is up', (_end: () => void, abort: () => void) => abort()],
])('nothing is heard when %s', async (_when, bring) => {
  const overhearing = createOverhearing()
  const conversation = overhearing.begin('vpc-1', '172.31.0.5', 22)
  const patience = new AbortController()
  const heard = overhearing.overhear('vpc-1', '172.31.0.5', 22, patience.signal)
  bring(
    () => conversation.end(),
    () => patience.abort(),
  )
  expect(await heard).toBeUndefined()
})
