import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import { expect, test } from 'vitest'
import { removeDirectory } from '../../../src/host/files.ts'

test('a directory goes in which somebody is writing the last files', async () => {
  for (let round = 0; round < 20; round++) {
    const directory = await mkdtemp(join(tmpdir(), 'kiln-remove-'))
    await Promise.all(Array.from({ length: 50 }, (_, index) => writeFile(join(directory, `old${index}`), '')))
    const write = async (writer: number) => {
      // One that comes after the directory has gone finds no place.
      for (let count = 0; count < 20; count++) await writeFile(join(directory, `${writer}-${count}`), '')
    }
    const writing = Promise.allSettled([0, 1, 2, 3].map(write))
    await removeDirectory(directory)
    await writing
    expect(await fsExtra.pathExists(directory)).toBe(false)
  }
})
