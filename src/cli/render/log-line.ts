import { paint, type Paint } from './paint.ts'
import { printable } from './text.ts'

/** pino's levels. */
const levels: Readonly<Record<number, { name: string; color?: Paint }>> = {
  10: { name: 'TRACE', color: 'dim' },
  20: { name: 'DEBUG', color: 'dim' },
  30: { name: 'INFO' },
  40: { name: 'WARN', color: 'yellow' },
  50: { name: 'ERROR', color: 'red' },
  60: { name: 'FATAL', color: 'red' },
}

/** A line of the daemon's log for people: time, level, message, fields, and the stack of an error below. Others stay as they are. */
export function renderLogLine(line: string, hasColor: boolean): string {
  const entry = parseEntry(line)
  if (!entry) return printable(line)
  const { level, time, msg, err, ...fields } = entry
  const known = levels[Number(level)] ?? { name: renderValue(level) }
  const name = known.name.padEnd(5)
  const shownName = hasColor && known.color ? paint(printable(name), known.color) : printable(name)
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${renderValue(value)}`)
  const message = typeof msg === 'string' ? msg : renderValue(msg)
  const head = [printable(renderValue(time)), shownName, printable([message, ...rest].join(' '))].join(' ')
  return [head, ...renderError(err).map((text) => `    ${printable(text)}`)].join('\n')
}

function parseEntry(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}

function renderValue(value: unknown): string {
  if (value === undefined) return '-'
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
  return JSON.stringify(value)
}

function renderError(err: unknown): string[] {
  if (err === undefined || err === null) return []
  const { stack, message } = err as { stack?: string; message?: string }
  return (stack ?? message ?? JSON.stringify(err)).split('\n')
}
