import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { renderCliReference } from '../../../scripts/cli-reference/render.ts'

test('docs/reference/cli.md says what the commands say: npm run generate:cli-reference', async () => {
  const path = new URL('../../../docs/reference/cli.md', import.meta.url)
  expect(await readFile(path, 'utf8')).toBe(await renderCliReference())
})
