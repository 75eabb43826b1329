import { isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { findNearestName } from './nearest-name.ts'

/** A configuration file that cannot be used; the message has a line for every mistake: `file:line:column: key: what is wrong`. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
}

/** A mistake and where it begins. */
interface Mistake {
  readonly offset: number
  readonly key: string
  readonly message: string
}

/** Parses YAML by a schema. Throws ConfigurationError naming file, line, column and key of each mistake, in the order of the file. */
export function parseYamlFile<Schema extends z.ZodType>(text: string, path: string, schema: Schema): z.infer<Schema> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    throw new ConfigurationError(document.errors.map((error) => `${place(error.pos[0])}: ${error.message}`).join('\n'))
  }
  const result = schema.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {})
  if (result.success) return result.data
  const mistakes = result.error.issues.flatMap(describeIssue).sort((a, b) => a.offset - b.offset)
  throw new ConfigurationError(
    mistakes.map(({ offset, key, message }) => `${place(offset)}: ${key}: ${message}`).join('\n'),
  )

  function place(offset: number): string {
    const { line, col } = lines.linePos(offset)
    return `${path}:${line}:${col}`
  }

  function describeIssue(issue: z.core.$ZodIssue): Mistake[] {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((name) => {
        const nearest = findNearestName(name, keysAt(schema, issue.path))
        const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`
        return {
          offset: offsetOfKey(issue.path, name),
          key: [...issue.path, name].join('.'),
          message: `there is no such key${hint}`,
        }
      })
    }
    const node: unknown = document.getIn(issue.path, true)
    return [
      { offset: hasRange(node) ? node.range[0] : 0, key: issue.path.join('.') || 'document', message: issue.message },
    ]
  }

  function offsetOfKey(parent: readonly PropertyKey[], name: string): number {
    const map: unknown = parent.length === 0 ? document.contents : document.getIn(parent, true)
    if (!isMap(map)) return 0
    const key = map.items.map((pair) => pair.key).find((key) => isScalar(key) && String(key.value) === name)
    return hasRange(key) ? key.range[0] : 0
  }
}

function hasRange(node: unknown): node is { range: [number, number, number] } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
}

/** The keys that the object at a path of the schema may have. */
function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const inner = schema instanceof z.ZodOptional ? schema.unwrap() : schema
  const [step, ...rest] = path
  if (inner instanceof z.ZodArray) return keysAt(inner.element, rest)
  if (inner instanceof z.ZodRecord) return keysAt(inner.valueType, rest)
  if (!(inner instanceof z.ZodObject)) return []
  if (step === undefined) return Object.keys(inner.shape)
  const member: unknown = inner.shape[String(step)]
  return member instanceof z.ZodType ? keysAt(member, rest) : []
}
