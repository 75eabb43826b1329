import { expect, test } from 'vitest'
import {
  fitTo,
  printable,
  quoteForFish,
  quoteForShell,
  stripTerminalControls,
} from '../../../../src/cli/render/text.ts'

test('shows escapes of a name instead of sending them to the terminal', () => {
  expect(printable('a\u001b[31mb\u009b\u202ec')).toBe('a\\x1b[31mb\\x9b\\u202ec')
})

test('keeps lines of a console and drops its escape sequences', () => {
  expect(stripTerminalControls('\u001b]0;title\u0007\u001b[1;31mred\u001b[0m\r\n[ 0.1] ok\u001bc\n')).toBe(
    'red\n[ 0.1] ok\n',
  )
})

test('cuts wide characters by their columns', () => {
  expect(fitTo('日本語', 5)).toBe('日本…')
})

test('quotes for POSIX shells and for fish', () => {
  expect([quoteForShell("a'b $c"), quoteForFish("a'b\\c")]).toEqual([`'a'\\''b $c'`, `'a\\'b\\\\c'`])
})
