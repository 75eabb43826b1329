import { expect, test } from 'vitest'
import { renderLogLine } from '../../../../src/cli/render/log-line.ts'

test('renders an entry with its fields and the stack of its error', () => {
  const line = JSON.stringify({
    level: 50,
    time: '2026-11-25T02:00:00.000Z',
    instanceId: 'i-1',
    path: 'a b',
    err: { type: 'Error', message: 'gone', stack: 'Error: gone\n  at x' },
    msg: 'machine could not be started',
  })
  expect(renderLogLine(line, false)).toMatchInlineSnapshot(`
    "2026-11-25T02:00:00.000Z ERROR machine could not be started instanceId=i-1 path="a b"
        Error: gone
          at x"
  `)
  expect(renderLogLine(line, true)).toContain('\u001b[31mERROR\u001b[0m')
})

test('leaves what is no entry as it is, made harmless', () => {
  expect(renderLogLine('kilnd: no \u001b[2J', false)).toBe('kilnd: no \\x1b[2J')
})
