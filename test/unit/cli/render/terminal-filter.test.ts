import { expect, test } from 'vitest'
import { createTerminalFilter } from '../../../../src/cli/render/terminal-filter.ts'

const output = Buffer.from('\u001b[1;31mred\u001b[0m \u001b]0;title\u0007é\r\nnext \u001b]52;c;c3RvbGVu\u001b\\end\n')

test('takes sequences and characters away that are cut anywhere between chunks', () => {
  for (let cut = 0; cut <= output.length; cut++) {
    const filter = createTerminalFilter()
    expect(filter(output.subarray(0, cut)) + filter(output.subarray(cut))).toBe('red é\nnext end\n')
  }
})

test('shows a prompt before its line ends', () => {
  expect(createTerminalFilter()(Buffer.from('nano login: '))).toBe('nano login: ')
})

test('does not wait for the end of a sequence for ever', () => {
  const filter = createTerminalFilter()
  filter(Buffer.from(`\u001b]0;${'x'.repeat(5000)}`))
  expect(filter(Buffer.from('hello'))).toBe('hello')
})
