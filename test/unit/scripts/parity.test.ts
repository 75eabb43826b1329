import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { renderParity } from '../../../scripts/parity/render.ts'

test('docs/parity.md tells what the operation table honours (else: npm run generate:parity)', async () => {
  const page = await readFile(join(import.meta.dirname, '../../../docs/parity.md'), 'utf8')
  expect(page).toBe(renderParity())
})
