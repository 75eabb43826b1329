import { appendFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findTail, followFile } from '../../../src/host/follow-file.ts'

let directory: string
let path: string
let ending: AbortController
let readings: AsyncGenerator<Buffer>[]
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-follow-'))
  path = join(directory, 'console.log')
  ending = new AbortController()
  readings = []
})
afterEach(async () => {
  ending.abort()
  for (const reading of readings) await reading.return(undefined)
  await rm(directory, { recursive: true })
})

function follow(from = 0, isFollowed = true) {
  const reading = followFile(path, { from, until: isFollowed ? ending.signal : undefined })
  readings.push(reading)
  let text = ''
  return {
    async until(wanted: string) {
      while (!text.endsWith(wanted)) {
        const { done, value } = await reading.next()
        if (done) throw new Error(`ended after ${text}`)
        text += value.toString()
      }
      return text
    },
    async rest() {
      for await (const chunk of reading) text += chunk.toString()
      return text
    },
  }
}

test('gives what is there, from a position, and ends when not followed', async () => {
  await writeFile(path, 'x'.repeat(200_000) + 'end')
  expect(await follow(200_000, false).rest()).toBe('end')
  expect((await follow(0, false).rest()).length).toBe(200_003)
})

test('goes on with what is appended, each byte once', async () => {
  await writeFile(path, 'one ')
  const reader = follow()
  await reader.until('one ')
  for (const word of ['two ', 'three ', 'four ']) {
    await appendFile(path, word)
    await reader.until(word)
  }
  ending.abort()
  expect(await reader.rest()).toBe('one two three four ')
})

test('begins anew when the file was cut short', async () => {
  await writeFile(path, 'a long first boot ')
  const reader = follow()
  await reader.until('boot ')
  await truncate(path, 0)
  await appendFile(path, 'second ')
  expect(await reader.until('second ')).toBe('a long first boot second ')
})

test('ends when the file is gone', async () => {
  await writeFile(path, 'last words')
  const reader = follow()
  await reader.until('words')
  await rm(path)
  expect(await reader.rest()).toBe('last words')
})

test('waits for an absent file only when it is followed', async () => {
  expect(await follow(0, false).rest()).toBe('')
  const reading = follow().until('here')
  await new Promise(setImmediate)
  await writeFile(path, 'here')
  expect(await reading).toBe('here')
})

test('gives what was there when the following ended', async () => {
  await writeFile(path, 'first ')
  const reader = follow()
  await reader.until('first ')
  await appendFile(path, 'last')
  ending.abort()
  expect(await reader.rest()).toBe('first last')
})

test.each([
  ['a\nb\nc\n', 2, 'b\nc\n'],
  ['a\nb\nc', 2, 'b\nc'],
  ['a\nb\n', 5, 'a\nb\n'],
  ['a\nb\n', 0, ''],
  ['', 3, ''],
  [`${'y'.repeat(70_000)}\n${'z'.repeat(140_000)}\nlast\n`, 2, `${'z'.repeat(140_000)}\nlast\n`],
])('finds where the last lines begin (%#)', async (content, lines, expected) => {
  await writeFile(path, content)
  expect(content.slice(await findTail(path, lines))).toBe(expected)
})

test('goes back only so many bytes for the last lines', async () => {
  await writeFile(path, 'a\nbcdef\ng\n')
  expect(await findTail(path, 3, 5)).toBe(5)
  expect(await findTail(path, 1, 5)).toBe(8)
})
