import { LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'

/** A configuration file that cannot be used; the message has a line for every mistake: `file:line:column: key: what is wrong`. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
}

/** Parses YAML by a schema. Throws ConfigurationError naming file, line, column and key of each mistake. */
export function parseYamlFile<Schema extends z.ZodType>(text: string, path: string, schema: Schema): z.infer<Schema> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    throw new ConfigurationError(document.errors.map((error) => `${place(error.pos[0])}: ${error.message}`).join('\n'))
  }
  const result = schema.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {})
  if (result.success) return result.data
  throw new ConfigurationError(result.error.issues.map(describeIssue).join('\n'))

  function place(offset: number): string {
    const { line, col } = lines.linePos(offset)
    return `${path}:${line}:${col}`
  }

  function describeIssue(issue: z.core.$ZodIssue): string {
    const keys = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path
    const node: unknown = document.getIn(keys, true)
    const offset = hasRange(node) ? node.range[0] : 0
    return `${place(offset)}: ${keys.join('.') || 'document'}: ${issue.message}`
  }
}

function hasRange(node: unknown): node is { range: [number, number, number] } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
}
