import * as sdk from '@aws-sdk/client-ec2'
import { NormalizedSchema } from '@smithy/core/schema'
import type { Ec2Model, ScalarShape, Shape } from '../../src/ec2-model/model.ts'

/** A repeatable source of numbers from 0 to 1 (mulberry32). */
export function createDice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const texts = [
  'a',
  'i-0abc',
  'x & <y>',
  'é✓😀',
  '10.0.0.0/16',
  'tab\there',
  'q"uo\'te',
  'a b+c%20',
  'two\r\nlines',
  ' blanks ',
]

/** Texts for the model's patterns. */
const patternTexts: Readonly<Record<string, string>> = {
  AccountID: '123456789012',
  AllowedInstanceType: 'm5.*',
  ComponentAccount: '123456789012',
  ComponentRegion: 'us-east-1',
  ExcludedInstanceType: 't3.micro',
  IpAddress: '10.0.0.1',
  LaunchTemplateName: 'template-(1)',
  OutpostArn: 'arn:aws:outposts:us-east-1:123456789012:outpost/op-0123456789abcdef0',
  PlacementGroupArn: 'arn:aws:ec2:us-east-1:123456789012:placement-group/x',
  SecretArn: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:x',
}

const deepest = 6

/**
 * Makes values for the SDK's schemas that keep the rules of our model: the SDK says which members there are, the model which values
 * are allowed. Empty lists and structures are left out, as no request can carry them.
 */
export function createGenerator(model: Ec2Model, dice: () => number, density: number) {
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(dice() * choices.length)] as T

  function make(schema: NormalizedSchema, shapeName: string, depth: number): unknown {
    const shape = model.shapeOf(shapeName)
    if (schema.isListSchema()) return makeList(schema, shape, depth)
    if (schema.isStructSchema()) return makeStructure(schema, shape, depth)
    if (schema.isTimestampSchema()) return new Date(1.7e12 + Math.floor(dice() * 1e9) * 1000 + (dice() < 0.5 ? 0 : 123))
    if (schema.isBooleanSchema()) return dice() < 0.5
    if (schema.isNumericSchema()) return makeNumber(shape as ScalarShape)
    if (schema.isBlobSchema())
      return new Uint8Array(Array.from({ length: 1 + Math.floor(dice() * 5) }, () => Math.floor(dice() * 256)))
    return makeText(shapeName, shape as ScalarShape)
  }

  function makeStructure(schema: NormalizedSchema, shape: Shape, depth: number): object | undefined {
    if (shape.type !== 'structure') throw new Error('the model differs from the SDK')
    const value: Record<string, unknown> = {}
    for (const [name, memberSchema] of schema.structIterator()) {
      const member = shape.members.get(name)
      if (!member) throw new Error(`the model lacks ${name}`)
      if (!member.isRequired && !memberSchema.isIdempotencyToken() && (depth > deepest + 1 || dice() > density))
        continue
      const made = member.isRequired
        ? makeItem(memberSchema, member.shape, depth + 1)
        : make(memberSchema, member.shape, depth + 1)
      if (made !== undefined) value[name] = made
    }
    return Object.keys(value).length > 0 || depth === 0 ? value : undefined
  }

  function makeList(schema: NormalizedSchema, shape: Shape, depth: number): unknown[] | undefined {
    if (shape.type !== 'list') throw new Error('the model differs from the SDK')
    const length = Math.max(shape.min ?? 1, Math.min(shape.max ?? 2, 1 + Math.floor(dice() * 2)))
    const items = Array.from({ length }, () => makeItem(schema.getValueSchema(), shape.item, depth + 1))
    return items.some((item) => item === undefined) ? undefined : items
  }

  /** Required structures and those in lists need one member at least. */
  function makeItem(schema: NormalizedSchema, shapeName: string, depth: number): unknown {
    for (let attempt = 0; attempt < 50; attempt++) {
      const item = make(schema, shapeName, Math.min(depth, deepest))
      if (item !== undefined) return item
    }
    return undefined
  }

  function makeNumber({ type, min, max }: ScalarShape): number {
    const low = min ?? 0
    const high = max ?? low + 70_000
    const number = low + dice() * (high - low)
    return type === 'double' ? Math.max(low, Math.round(number * 1000) / 1000) : Math.max(low, Math.floor(number))
  }

  function makeText(
    name: string,
    { enum: values, min = 0, max = Number.POSITIVE_INFINITY, pattern }: ScalarShape,
  ): string {
    if (values) return pick(values)
    if (pattern !== undefined) {
      const text = patternTexts[name]
      if (text === undefined) throw new Error(`say in patternTexts what fits the pattern of ${name}`)
      return text
    }
    return pick(texts).padEnd(min, 'x').slice(0, max)
  }

  return { make: (schema: NormalizedSchema, shapeName: string) => make(schema, shapeName, 0) }
}

type Generator = ReturnType<typeof createGenerator>

/** Makes the input (4) or output (5) of an operation: where the SDK's schema of an operation has each. */
export function makeValue(generator: Generator, model: Ec2Model, operation: string, position: 4 | 5): object {
  const schema = schemaOf(operation, position)
  const { input, output } = model.findOperation(operation) ?? {}
  const shapeName = position === 4 ? input : output
  if (!schema || shapeName === undefined) return {}
  return generator.make(schema, shapeName) as object
}

/** Input or output schema of an operation of the SDK; none for an operation that takes or answers nothing. */
function schemaOf(operation: string, position: 4 | 5): NormalizedSchema | undefined {
  const exported: Readonly<Record<string, unknown>> = sdk
  const reference = (exported[`${operation}$`] as readonly unknown[])[position]
  const target: unknown = typeof reference === 'function' ? reference() : reference
  return target === 'unit' ? undefined : NormalizedSchema.of(target as never)
}
