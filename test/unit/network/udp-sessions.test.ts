import { expect, test } from 'vitest'
import { createUdpSessions } from '../../../src/network/udp-sessions.ts'

function createSessions(maximum?: number) {
  let nowMs = 0
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs, sleep: async () => await Promise.resolve() }
  const ended: string[] = []
  const sessions = createUdpSessions(clock, maximum === undefined ? {} : { maximum })
  return {
    ended,
    begin: (name: string) => sessions.begin(() => ended.push(name)),
    afterSeconds: (seconds: number) => {
      nowMs += seconds * 1000
      sessions.sweep()
    },
  }
}

test('what had no answer, or a single one, ends after half a minute of silence', () => {
  const { begin, afterSeconds, ended } = createSessions()
  begin('none')
  begin('single')?.answered()
  const busy = begin('busy')
  afterSeconds(29)
  busy?.asked()
  expect(ended).toEqual([])
  afterSeconds(1)
  expect(ended).toEqual(['none', 'single'])
  afterSeconds(30)
  expect(ended).toEqual(['none', 'single', 'busy'])
})

test('a stream ends after three minutes of silence', () => {
  const { begin, afterSeconds, ended } = createSessions()
  const stream = begin('stream')
  stream?.answered()
  stream?.answered()
  afterSeconds(179)
  expect(ended).toEqual([])
  afterSeconds(1)
  expect(ended).toEqual(['stream'])
})

test('when there are too many, the one silent longest that is no stream makes room', () => {
  const { begin, ended } = createSessions(3)
  const stream = begin('stream')
  stream?.answered()
  stream?.answered()
  const old = begin('old')
  begin('silent')
  old?.asked()
  begin('new')
  expect(ended).toEqual(['silent'])
})

test('streams make no room', () => {
  const { begin, ended } = createSessions(1)
  const stream = begin('stream')
  stream?.answered()
  stream?.answered()
  expect(begin('new')).toBeUndefined()
  expect(ended).toEqual([])
})
