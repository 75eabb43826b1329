import { closeSync, openSync, writeSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keepTail } from '../../../src/host/keep-tail.ts'

let directory: string
let path: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-tail-'))
  path = join(directory, 'log')
})
afterEach(async () => {
  await rm(directory, { recursive: true })
})

test('a file within its limit is left alone', async () => {
  await writeFile(path, '0123456789')
  expect(await keepTail(path, { maximumBytes: 10, keptBytes: 4 })).toBe(false)
  expect(await readFile(path, 'utf8')).toBe('0123456789')
})

test('a longer one keeps its end, and its writer goes on behind it', async () => {
  const writer = openSync(path, 'a')
  writeSync(writer, '0123456789x')
  expect(await keepTail(path, { maximumBytes: 10, keptBytes: 4 })).toBe(true)
  writeSync(writer, ' and on')
  closeSync(writer)
  expect(await readFile(path, 'utf8')).toBe('789x and on')
})

test('an absent one stays absent', async () => {
  expect(await keepTail(path, { maximumBytes: 10, keptBytes: 4 })).toBe(false)
  await expect(readFile(path)).rejects.toThrow('ENOENT')
})
