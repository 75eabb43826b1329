import type { Ec2Model, Member, ScalarShape, Shape, StructureShape } from '../../../src/ec2-model/model.ts'

/** An input that the model forbids, as the socket takes it, and what EC2 calls it. */
export interface BadJson {
  readonly what: string
  readonly input: Readonly<Record<string, unknown>>
  /** Any of these codes tells the truth. */
  readonly codes: readonly string[]
}

type Bad = readonly [what: string, value: unknown]

/** Below this the members of an input are not looked for: shapes such as filters of filters have many. */
const deepest = 4
const invalid = ['InvalidParameterValue']
const unknown = ['UnknownParameter']

/** Texts that fit the patterns of required members. */
const fitting: readonly string[] = ['123456789012', 'us-east-1', '10.0.0.1', 'x', 'template-(1)', 'aa', '1']

/** All that can be wrong with an operation's input by the rules that the model has for it. */
export function listBadJson(model: Ec2Model, operation: string): BadJson[] {
  const { input } = model.findOperation(operation) ?? {}
  const shape = input === undefined ? undefined : model.shapeOf(input)
  const structure = shape?.type === 'structure' ? shape : undefined
  const base = structure ? fillRequired(model, structure) : {}
  return [
    { what: 'an unknown member', input: { ...base, Nonsense: 1 }, codes: unknown },
    { what: 'a member in the wrong case', input: { ...base, dRYrUN: true }, codes: unknown },
    {
      what: 'a name of the language',
      input: JSON.parse('{"__proto__":{"a":1}}') as object as BadJson['input'],
      codes: unknown,
    },
    ...(structure ? listMissing(structure, base) : []),
    ...(structure ? listBadMembers(model, structure, base) : []),
  ]
}

function listMissing(shape: StructureShape, base: Readonly<Record<string, unknown>>): BadJson[] {
  return [...shape.members.values()]
    .filter(({ isRequired }) => isRequired)
    .flatMap(({ name }) =>
      [undefined, null].map((nothing) => ({
        what: `${name} ${String(nothing)}`,
        input: { ...base, [name]: nothing },
        codes: ['MissingParameter'],
      })),
    )
}

function listBadMembers(model: Ec2Model, shape: StructureShape, base: Readonly<Record<string, unknown>>): BadJson[] {
  return [...shape.members.values()].flatMap((member) =>
    listBadValues(model, model.shapeOf(member.shape), 0).map(([what, value]) => ({
      what: `${member.name} ${what}`,
      input: { ...base, [member.name]: value },
      // What is missing beside it may be told first.
      codes: what.endsWith('Nonsense') ? unknown : invalid,
    })),
  )
}

/** What a value of that shape must not be; wrong inside, it is right outside. */
function listBadValues(model: Ec2Model, shape: Shape, depth: number): Bad[] {
  if (shape.type === 'list') {
    const item = model.shapeOf(shape.item)
    const inner = depth < deepest ? listBadValues(model, item, depth + 1) : []
    return [
      ['a text', 'x'],
      ['an object', { 0: 'x' }],
      ['absurdly deep', nest(2000)],
      // In a list that is as long as it must be.
      ...inner.map(
        ([what, value]): Bad => [
          `item ${what}`,
          [value, ...Array.from({ length: Math.max(0, (shape.min ?? 1) - 1) }, () => fill(model, shape.item))],
        ],
      ),
    ]
  }
  if (shape.type === 'structure') {
    const base = fillRequired(model, shape)
    const inner = depth < deepest ? [...shape.members.values()] : []
    return [
      ['a text', 'x'],
      ['a list', [1]],
      ['with Nonsense', { ...base, Nonsense: 1 }],
      ...inner.flatMap(({ name, shape: member }) =>
        listBadValues(model, model.shapeOf(member), depth + 1).map(
          ([what, value]): Bad => [`${name} ${what}`, { ...base, [name]: value }],
        ),
      ),
    ]
  }
  return listBadScalars(shape)
}

function nest(depth: number): unknown {
  let value: unknown = 'x'
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? { a: value } : [value]
  return { a: value }
}

function listBadScalars({ type, min, max, pattern, enum: values }: ScalarShape): Bad[] {
  const anyScalar: Bad[] = [
    ['a list', [1]],
    ['an object', { a: 1 }],
  ]
  switch (type) {
    case 'boolean':
      return [...anyScalar, ['a text', 'true'], ['a number', 1]]
    case 'timestamp':
      return [...anyScalar, ['a number', 1], ['not a time', 'yesterday'], ['no day', '2026-02-31T25:00:00Z']]
    case 'blob':
      return [...anyScalar, ['a number', 1], ['not base64', '***']]
    case 'string':
      return [
        ...anyScalar,
        ['a number', 1],
        ['a boolean', true],
        ['with a control character', 'a\u0001b'],
        ['with half a character', 'a\ud800b'],
        ...(values ? [['none of its values', 'no-such-value'] satisfies Bad] : []),
        ...(max === undefined ? [] : [['too long', 'x'.repeat(max + 1)] satisfies Bad]),
        ...(min === undefined || min < 2 ? [] : [['too short', 'x'.repeat(min - 1)] satisfies Bad]),
        ...(pattern === undefined ? [] : [['outside its pattern', '\u20ac \u20ac'] satisfies Bad]),
      ]
    default:
      return [
        ...anyScalar,
        ['a text', '1'],
        ['a boolean', true],
        // As 1e999 is read.
        ['not finite', Number.POSITIVE_INFINITY],
        ...(type === 'integer' ? [['no integer', 1.5] satisfies Bad, ['too exact', 2 ** 60] satisfies Bad] : []),
        ...(max === undefined ? [] : [['too large', max + 1] satisfies Bad]),
        ...(min === undefined ? [] : [['too small', min - 1] satisfies Bad]),
      ]
  }
}

/** A value for every member that may not be absent. */
function fillRequired(model: Ec2Model, shape: StructureShape): Record<string, unknown> {
  const required = [...shape.members.values()].filter(({ isRequired }) => isRequired)
  return Object.fromEntries(required.map((member: Member) => [member.name, fill(model, member.shape)]))
}

function fill(model: Ec2Model, name: string, depth = 0): unknown {
  const shape = model.shapeOf(name)
  if (shape.type === 'list') {
    return Array.from({ length: Math.max(1, shape.min ?? 1) }, () => fill(model, shape.item, depth + 1))
  }
  if (shape.type === 'structure') {
    const required = fillRequired(model, shape)
    const [first] = shape.members.values()
    // A structure without a member would count as absent.
    if (Object.keys(required).length > 0 || !first || depth > deepest) return required
    return { [first.name]: fill(model, first.shape, depth + 1) }
  }
  return fittingScalar(shape)
}

function fittingScalar({ type, enum: values, min = 0, max = Number.POSITIVE_INFINITY, pattern }: ScalarShape): unknown {
  if (type === 'boolean') return true
  if (values) return values[0]
  if (type === 'timestamp') return '2026-01-01T00:00:00Z'
  if (type === 'blob') return 'eA=='
  if (type !== 'string') return Math.min(Math.max(min, 1), max)
  const fits = (text: string) => text.length <= max && (pattern === undefined || new RegExp(pattern).test(text))
  return fitting.map((text) => text.padEnd(min, 'x')).find(fits) ?? 'x'.padEnd(min, 'x')
}
