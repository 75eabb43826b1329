import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keepOlder } from '../../../src/daemon/log.ts'

test('keeps the older part of the log beside it and goes on in an empty file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kiln-log-'))
  const path = join(directory, 'kilnd.log')
  const log = openSync(path, 'a')
  try {
    writeSync(log, 'before\n')
    keepOlder(log, path)
    writeSync(log, 'after\n')
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('before\n')
    expect(readFileSync(path, 'utf8')).toBe('after\n')
  } finally {
    closeSync(log)
    rmSync(directory, { recursive: true })
  }
})
