import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createMask, openBuildLog } from '../../../../src/ec2/pipeline/build-log.ts'
import { systemClock } from '../../../../src/host/clock.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-build-log-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

test('masks secrets, their lines and what base64 makes of them', () => {
  const mask = createMask(['hunter2', '-----BEGIN KEY-----\nabcdefgh\n}\n'])
  expect(mask('the password is hunter2, hunter2!')).toBe('the password is ********, ********!')
  expect(mask('abcdefgh')).toBe('********')
  expect(mask('}')).toBe('}')
  expect(mask(`Basic ${Buffer.from('hunter2').toString('base64')}`)).toBe('Basic ********==')
})

test('masks the longest of secrets that hold each other', () => {
  expect(createMask(['secret', 'secret-token'])('secret-token secret')).toBe('******** ********')
})

test('writes lines with their time to a private file, and goes on with one that is there', async () => {
  const path = join(directory, 'builds/1.log')
  for (const text of ['Launching', 'Imaging']) {
    const log = await openBuildLog(systemClock, path, ['x9'])
    log.say(text)
    log.print('printed x9')
    await log.close()
  }
  const lines = (await readFile(path, 'utf8')).split('\n').map((line) => line.replace(/^\S+Z /, ''))
  expect(lines).toEqual(['== Launching', 'printed ********', '== Imaging', 'printed ********', ''])
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})
