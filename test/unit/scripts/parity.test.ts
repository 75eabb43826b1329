import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listOperations, renderParity } from '../../../scripts/parity/render.ts'

test('docs/parity.md tells what the operation table honours (else: npm run generate:parity)', async () => {
  const page = await readFile(join(import.meta.dirname, '../../../docs/parity.md'), 'utf8')
  expect(page).toBe(renderParity())
})

test('an operation that honours Filters names them', () => {
  const silent = listOperations().filter(
    ([, operation]) =>
      operation.kind === 'query' &&
      // DescribeFlowLogs alone calls them Filter.
      operation.parameters.some((name) => /^Filters?$/.test(name)) !== (operation.filters ?? []).length > 0,
  )
  expect(silent.map(([name]) => name)).toEqual([])
})
