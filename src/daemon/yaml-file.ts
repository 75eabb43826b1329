import { isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { findNearestName } from '../ec2/nearest-name.ts'

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

/** A file that its schema has passed. */
export interface YamlFile<Value> {
  readonly value: Value
  /** An error that places further mistakes, by what the schema cannot know. */
  errorOf(mistakes: readonly { path: readonly PropertyKey[]; message: string }[]): ConfigurationError
}

/** Parses YAML by a schema. Throws ConfigurationError naming file, line, column and key of each mistake, in the order of the file. */
export function parseYamlFile<Schema extends z.ZodType>(text: string, path: string, schema: Schema): z.infer<Schema> {
  return openYamlFile(text, path, schema).value
}

/** As `parseYamlFile`, for files that are looked at further. */
export function openYamlFile<Schema extends z.ZodType>(
  text: string,
  path: string,
  schema: Schema,
): YamlFile<z.infer<Schema>> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    throw new ConfigurationError(document.errors.map((error) => `${place(error.pos[0])}: ${error.message}`).join('\n'))
  }
  const result = schema.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {})
  if (!result.success) throw errorOf(result.error.issues.flatMap(describeIssue))
  return {
    value: result.data,
    errorOf: (mistakes) => errorOf(mistakes.map(({ path, message }) => mistakeAt(path, message))),
  }

  function errorOf(mistakes: readonly Mistake[]): ConfigurationError {
    return new ConfigurationError(
      mistakes
        .toSorted((a, b) => a.offset - b.offset)
        .map(({ offset, key, message }) => `${place(offset)}: ${key}: ${message}`)
        .join('\n'),
    )
  }

  function mistakeAt(at: readonly PropertyKey[], message: string): Mistake {
    return { offset: offsetOf(at), key: at.join('.') || 'document', message }
  }

  /** Where a value begins; of one that is not there, what it is missing from. */
  function offsetOf(at: readonly PropertyKey[]): number {
    const node: unknown = document.getIn(at, true)
    if (hasRange(node)) return node.range[0]
    return at.length === 0 ? 0 : offsetOf(at.slice(0, -1))
  }

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
    return [mistakeAt(issue.path, issue.message)]
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
