import { expect, test } from 'vitest'
import {
  createProgressDisplay,
  formatBytes,
  formatDuration,
  type ProgressReport,
} from '../../../../src/cli/render/progress.ts'

const mib = 1024 ** 2

/** What is on the screen after each report, reports coming half a second apart. */
function showOn(terminal: { isTTY: boolean; columns?: number }, reports: readonly ProgressReport[]): string[] {
  let time = 0
  const written: string[] = []
  const display = createProgressDisplay({ ...terminal, write: (text) => written.push(String(text)) }, () => time)
  for (const report of reports) {
    display.show(report)
    time += 500
  }
  display.clear()
  return written.map((text) => text.replace('\r\u001b[K', ''))
}

function downloaded(...sizesMib: number[]): ProgressReport[] {
  return sizesMib.map((size) => ({ stage: 'Downloading', doneBytes: size * mib, totalBytes: 600 * mib }))
}

test('draws a bar with bytes, rate and time left over and over on one line, and takes it away', () => {
  expect(showOn({ isTTY: true, columns: 100 }, downloaded(0, 10, 20, 600))).toMatchInlineSnapshot(`
    [
      "Downloading   0% [                              ] 0 B of 600.0 MiB",
      "Downloading   1% [                              ] 10.0 MiB of 600.0 MiB  20.0 MiB/s  0:30 left",
      "Downloading   3% [=                             ] 20.0 MiB of 600.0 MiB  20.0 MiB/s  0:29 left",
      "Downloading 100% [==============================] 600.0 MiB of 600.0 MiB  400.0 MiB/s  0:00 left",
      "",
    ]
  `)
})

test('the rate is that of the last seconds', () => {
  const sizes = [
    ...Array.from({ length: 20 }, (_, index) => index),
    20,
    ...Array.from({ length: 12 }, (_, index) => 30 + 10 * index),
  ]
  expect(showOn({ isTTY: true, columns: 100 }, downloaded(...sizes)).at(-2)).toContain('20.0 MiB/s')
})

test('leaves the bar out where there is no room for it, and never fills the last column', () => {
  const lines = [30, 50, 60, 80, 120].map((columns) => showOn({ isTTY: true, columns }, downloaded(0, 10))[1] ?? '')
  expect(lines).toMatchInlineSnapshot(`
    [
      "Downloading   1% 10.0 MiB of…",
      "Downloading   1% 10.0 MiB of 600.0 MiB  20.0 MiB…",
      "Downloading   1% 10.0 MiB of 600.0 MiB  20.0 MiB/s  0:30 l…",
      "Downloading   1% [               ] 10.0 MiB of 600.0 MiB  20.0 MiB/s  0:30 left",
      "Downloading   1% [                              ] 10.0 MiB of 600.0 MiB  20.0 MiB/s  0:30 left",
    ]
  `)
  for (const [index, columns] of [30, 50, 60, 80, 120].entries()) expect(lines[index]?.length).toBeLessThan(columns)
})

test('without a size tells how much has come, without bytes how long it takes and what the tool says', () => {
  const reports = [
    { stage: 'Downloading', doneBytes: 3 * mib },
    { stage: 'Downloading', doneBytes: 4 * mib },
    { stage: 'Installing', detail: 'Unpacking\u001b[31m busybox' },
    { stage: 'Installing', detail: 'Unpacking dropbear' },
  ]
  expect(showOn({ isTTY: true }, reports)).toMatchInlineSnapshot(`
    [
      "Downloading  3.0 MiB",
      "Downloading  4.0 MiB  2.0 MiB/s",
      "Installing  0:00  Unpacking\\x1b[31m busybox",
      "Installing  0:01  Unpacking dropbear",
      "",
    ]
  `)
})

test('is a line for each new stage where there is no terminal', () => {
  const reports = [...downloaded(0, 10, 600), { stage: 'Verifying' }, { stage: 'Verifying' }]
  expect(showOn({ isTTY: false }, reports)).toEqual(['Downloading (600.0 MiB)\n', 'Verifying\n'])
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [27_000_000, '25.7 MiB'],
  [3 * 1024 ** 4, '3.0 TiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

test.each([
  [0, '0:00'],
  [6.2, '0:07'],
  [754, '12:34'],
  [3723, '1:02:03'],
])('%d seconds are %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text)
})
