import { isMap, isScalar, type Pair, parseDocument } from 'yaml'
import { z } from 'zod'

/** What JSON Schema says of a key. */
interface KeySchema {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly description?: string
  readonly properties?: Readonly<Record<string, KeySchema>>
  /** Of a section whose keys are names that the user gives. */
  readonly additionalProperties?: KeySchema | false
  /** Of a list. */
  readonly items?: KeySchema
  readonly default?: unknown
}

const head = `# Configuration

GENERATED from \`config/defaults.yaml\` by \`npm run generate:reference\`. Do not edit.

Put what you want otherwise into \`config.yaml\` in the [state directory](../state-directory.md), and run \`kiln daemon restart\`:

\`\`\`yaml
capacity:
  memoryOvercommit: 2
\`\`\`

A mistake keeps the daemon from starting; file, line, column and key of each are told (\`kiln doctor\` tells them too).
`

/** docs/reference/configuration.md: each key with its default, what it may be, and the comment that stands above it. Pure. */
export function renderConfigurationReference(defaults: string, schema: z.ZodType): string {
  const { properties: sections = {} } = z.toJSONSchema(schema) as KeySchema
  const { contents } = parseDocument(defaults)
  if (!isMap(contents)) throw new Error('config/defaults.yaml is no mapping')
  const parts = contents.items.map((pair) => {
    const section = nameOf(pair)
    const { properties, additionalProperties, items } = sections[section] ?? {}
    const lines = items?.properties
      ? describeList(pair, items.properties)
      : additionalProperties
        ? describeNamed(pair, additionalProperties.properties ?? {})
        : describeSection(pair, properties ?? {})
    return [`## ${section}`, '', ...lines].join('\n')
  })
  return `${[head, ...parts].join('\n')}\n`
}

/** What each of the things may have that the user names in a section; the meanings are those that the schema has. */
function describeNamed({ key }: Pair, keys: Readonly<Record<string, KeySchema>>): string[] {
  const meaning = isScalar(key) ? (key.commentBefore ?? '') : ''
  const rows = Object.entries(keys).map(
    ([name, schema]) => `| \`NAME.${name}\` | ${describeValue(schema)} | ${schema.description ?? ''} |`,
  )
  return [meaning.trim().replace(/\s+/g, ' '), '', '| key | may be | meaning |', '|---|---|---|', ...rows, '']
}

/** A comment above a key is for those below it too, up to the next comment; after an empty line the first one holds again. */
function describeSection({ value }: Pair, keys: Readonly<Record<string, KeySchema>>): string[] {
  if (!isMap(value)) throw new Error('a section of config/defaults.yaml is no mapping')
  const sectionMeaning = value.commentBefore ?? ''
  let meaning = sectionMeaning
  const rows = value.items.map((pair) => {
    const name = nameOf(pair)
    if (isScalar(pair.key) && pair.key.commentBefore) meaning = pair.key.commentBefore
    else if (isScalar(pair.key) && pair.key.spaceBefore) meaning = sectionMeaning
    const cells = [
      `\`${name}\``,
      `\`${String(pair.value) || "''"}\``,
      describeValue(keys[name] ?? {}),
      meaning.trim().replace(/\s+/g, ' '),
    ]
    return `| ${cells.join(' | ')} |`
  })
  return ['| key | default | may be | meaning |', '|---|---|---|---|', ...rows, '']
}

/** Of a list of mappings: its own comment, and what the schema says of the keys of each. */
function describeList({ key }: Pair, keys: Readonly<Record<string, KeySchema>>): string[] {
  const meaning = isScalar(key) ? (key.commentBefore ?? '') : ''
  const rows = Object.entries(keys).map(
    ([name, schema]) =>
      `| \`${name}\` | \`${schema.default === undefined ? 'absent' : JSON.stringify(schema.default)}\` | ${describeValue(schema)} | ${schema.description ?? ''} |`,
  )
  const head = ['| key of each | default | may be | meaning |', '|---|---|---|---|']
  return [`A list. ${meaning.trim().replace(/\s+/g, ' ')}`, '', ...head, ...rows, '']
}

function nameOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : ''
}

function describeValue({ type, enum: choices, minimum, maximum }: KeySchema): string {
  if (choices) return choices.map((choice) => `\`${String(choice)}\``).join(', ')
  if (type === 'array') return 'list'
  if (type === 'boolean') return '`true`, `false`'
  if (type !== 'integer' && type !== 'number') return 'text'
  const kind = type === 'integer' ? 'whole number' : 'number'
  // Without a bound of ours JSON Schema names the largest safe integer.
  const top = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum
  return top === undefined ? `${kind} from ${minimum}` : `${kind} from ${minimum} to ${top}`
}
