import { expect, test } from 'vitest'
import { createKeyedLock } from '../../../src/host/keyed-lock.ts'

const { signal } = new AbortController()

/** Work that ends when it is told to, and notes when it begins. */
function gatedWork(begun: string[], name: string) {
  let finish = (): void => undefined
  const ended = new Promise<void>((resolve) => {
    finish = resolve
  })
  return {
    finish: () => finish(),
    run: async () => {
      begun.push(name)
      await ended
      return name
    },
  }
}

test('lets one at a time per key, in the order they came', async () => {
  const lock = createKeyedLock()
  const begun: string[] = []
  const [first, second, third, other] = ['first', 'second', 'third', 'other'].map((name) => gatedWork(begun, name))
  const runs = [first, second, third].map((work) => lock.run('a', signal, async () => work?.run()))
  const otherRun = lock.run('b', signal, async () => other?.run())
  expect(begun).toEqual(['first', 'other'])
  first?.finish()
  await runs[0]
  other?.finish()
  await otherRun
  second?.finish()
  await runs[1]
  third?.finish()
  expect(await Promise.all(runs)).toEqual(['first', 'second', 'third'])
  expect(begun).toEqual(['first', 'other', 'second', 'third'])
  expect(lock.isHeld('a')).toBe(false)
})

test('goes on to the next when work fails', async () => {
  const lock = createKeyedLock()
  const failing = lock.run('a', signal, async () => Promise.reject(new Error('broken')))
  const next = lock.run('a', signal, async () => 'next')
  await expect(failing).rejects.toThrow('broken')
  expect(await next).toBe('next')
})

test('one who gives up waiting lets nobody in early', async () => {
  const lock = createKeyedLock()
  const begun: string[] = []
  const controller = new AbortController()
  const first = gatedWork(begun, 'first')
  const running = lock.run('a', signal, first.run)
  const waiting = lock.run('a', controller.signal, async () => begun.push('given up'))
  const last = lock.run('a', signal, async () => begun.push('last'))
  controller.abort()
  await expect(waiting).rejects.toThrow(/abort/i)
  expect(lock.isHeld('a')).toBe(true)
  expect(begun).toEqual(['first'])
  first.finish()
  await running
  await last
  expect(begun).toEqual(['first', 'last'])
})
