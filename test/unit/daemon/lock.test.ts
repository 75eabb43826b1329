import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { takeStateLock } from '../../../src/daemon/lock.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-lock-'))
})
afterAll(() => rm(directory, { recursive: true }))

test('gives the lock to one at a time, and again after its release', () => {
  const path = join(directory, 'daemon.lock')
  const first = takeStateLock(path)
  expect(first).toBeDefined()
  expect(takeStateLock(path)).toBeUndefined()
  first?.release()
  const second = takeStateLock(path)
  expect(second).toBeDefined()
  second?.release()
})
