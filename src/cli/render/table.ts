import { fitTo, printable, widthOf } from './text.ts'

/** A column of a listing. */
export interface Column<Row> {
  readonly title: string
  readonly value: (row: Row) => string | number | undefined
  /** Added after the text was fitted, so that escapes count for no width. */
  readonly paint?: (text: string, row: Row) => string
}

const gap = '  '
const minimumWidth = 8

/** Lines of a table; cut to `columns` when the terminal tells its width. Values are made printable here. */
export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], maximumWidth?: number): string {
  const cells = rows.map((row) => columns.map((column) => printable(String(column.value(row) ?? '-')) || '-'))
  const widths = columns.map((column, index) =>
    Math.max(widthOf(column.title), ...cells.map((line) => widthOf(line[index] ?? ''))),
  )
  if (maximumWidth) narrow(widths, maximumWidth - gap.length * (columns.length - 1))
  const head = columns.map((column, index) => pad(column.title, widths[index] ?? 0)).join(gap)
  const body = rows.map((row, line) =>
    columns
      .map((column, index) => {
        const text = pad(cells[line]?.[index] ?? '', widths[index] ?? 0)
        return column.paint ? column.paint(text, row) : text
      })
      .join(gap)
      .trimEnd(),
  )
  return `${[head.trimEnd(), ...body].join('\n')}\n`
}

/** Takes room from the widest columns first. */
function narrow(widths: number[], available: number): void {
  for (;;) {
    const total = widths.reduce((sum, width) => sum + width, 0)
    const widest = Math.max(...widths)
    if (total <= available || widest <= minimumWidth) return
    widths[widths.indexOf(widest)] = widest - 1
  }
}

function pad(text: string, width: number): string {
  const fitted = fitTo(text, width)
  return fitted + ' '.repeat(Math.max(0, width - widthOf(fitted)))
}
