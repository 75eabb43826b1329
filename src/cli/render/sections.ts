import { printable, widthOf } from './text.ts'

/** A part of a description: names with their values, below a title. What has no value is left out. */
export interface Section {
  readonly title?: string
  readonly rows: readonly (readonly [name: string, value: string | number | undefined])[]
  /** Applied to a value after it was made printable. */
  readonly paint?: (value: string, name: string) => string
}

/** Sections as text for people; values are made printable here. */
export function renderSections(sections: readonly Section[]): string {
  const filled = sections
    .map((section) => ({ ...section, rows: section.rows.filter(([, value]) => value !== undefined && value !== '') }))
    .filter(({ rows }) => rows.length > 0)
  const width = Math.max(0, ...filled.flatMap(({ rows }) => rows.map(([name]) => widthOf(name))))
  return filled
    .map(({ title, rows, paint }) => {
      const indent = title === undefined ? '' : '  '
      const lines = rows.map(([name, value]) => {
        const text = printable(String(value))
        return `${indent}${name.padEnd(width)}  ${paint ? paint(text, name) : text}`.trimEnd()
      })
      return `${[...(title === undefined ? [] : [title]), ...lines].join('\n')}\n`
    })
    .join('\n')
}
