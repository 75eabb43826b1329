/** One line of the table. */
export interface Figure {
  readonly name: string
  readonly value: string
  /** What it must keep to; absent where it is only told. */
  readonly limit?: string
  readonly isKept?: boolean
  readonly reference: string
}

/** The middle one; the mean of the middle two of an even number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? Number.NaN
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper
}

/** A figure in milliseconds with its limit. */
export function milliseconds(name: string, ms: number, limitMs: number, reference: string): Figure {
  return {
    name,
    value: `${formatMs(ms)} ms`,
    limit: `≤ ${formatMs(limitMs)} ms`,
    isKept: ms <= limitMs,
    reference,
  }
}

export function formatMs(ms: number): string {
  return ms < 10 ? ms.toFixed(1) : Math.round(ms).toString()
}

/** A Markdown table. */
export function renderFigures(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, limit, isKept, reference }) => {
    const verdict = limit === undefined ? '' : `${limit} ${isKept ? '✔' : '✖ missed'}`
    return `| ${name} | ${value} | ${verdict} | ${reference} |`
  })
  return ['| what | measured | limit | reference of the same run |', '|---|---|---|---|', ...rows, ''].join('\n')
}
