import type { Ec2Model, Member, ScalarShape, Shape, StructureShape } from '../../../src/ec2-model/model.ts'

/** A request that the model forbids, and what EC2 calls it. */
export interface BadQuery {
  readonly what: string
  /** The body, form-encoded, without Action and Version. */
  readonly form: string
  /** Any of these codes tells the truth. */
  readonly codes: readonly string[]
}

type Pair = readonly [key: string, value: string]
type Wrong = readonly [what: string, codes: readonly string[], ...pairs: Pair[]]

/** Where a scalar, a list or a structure of an operation's input is found. */
interface Place {
  readonly key: string
  readonly member: Member
  readonly shape: Shape
}

/** Below this the members of an input are not looked for: shapes such as filters of filters have no end. */
const deepest = 5
const tooMany = 10_000
const texts: Readonly<Record<string, string>> = { string: 'x', integer: '1', double: '1', number: '1', boolean: 'true' }

/** Texts that fit the patterns of required members. */
const fitting: readonly string[] = ['123456789012', 'us-east-1', '10.0.0.1', 'x', 'template-(1)', 'aa', '1']

/** All that can be wrong with an operation's input by the rules that the model has for it. */
export function listBadQueries(model: Ec2Model, operation: string): BadQuery[] {
  const { input } = model.findOperation(operation) ?? {}
  const shape = input === undefined ? undefined : model.shapeOf(input)
  const base = shape?.type === 'structure' ? fillRequired(model, shape, '') : []
  const places = shape?.type === 'structure' ? listPlaces(model, shape, '', 0) : []
  const add = (what: string, codes: readonly string[], ...pairs: readonly Pair[]): BadQuery => ({
    what,
    codes,
    form: encode(replace(base, pairs)),
  })
  const unknown = ['UnknownParameter']
  return [
    add('an unknown member', unknown, ['Nonsense', 'x']),
    add('a member in the wrong case', unknown, ['dRYrUN', 'true']),
    add('absurd nesting', unknown, [Array.from({ length: 200 }, () => 'A').join('.'), 'x']),
    add('a key that is no name', unknown, ['__proto__', 'x']),
    { ...add('a key twice', ['InvalidQueryParameter']), form: encode([...base, ['Twice', '1'], ['Twice', '2']]) },
    { ...add('no UTF-8', ['MalformedQueryString']), form: `${encode(base)}&Name=%ff%fe` },
    { ...add('a broken escape', ['MalformedQueryString']), form: `${encode(base)}&Name=%4` },
    ...(shape?.type === 'structure' ? listMissing(shape, base) : []),
    ...listTooMany(places).map(([what, codes, ...pairs]) => add(what, codes, ...pairs)),
    ...places.flatMap((place) => listBadValues(place).map(([what, codes, ...pairs]) => add(what, codes, ...pairs))),
  ]
}

/** Without each of the required members. */
function listMissing(shape: StructureShape, base: readonly Pair[]): BadQuery[] {
  return [...shape.members.values()]
    .filter(({ isRequired }) => isRequired)
    .map(({ query }) => ({
      what: `${query} missing`,
      codes: ['MissingParameter'],
      form: encode(base.filter(([key]) => key !== query && !key.startsWith(`${query}.`))),
    }))
}

/** Of the first list only: the limit is one of the request. */
function listTooMany(places: readonly Place[]): Wrong[] {
  const list = places.find(({ shape }) => shape.type === 'list')
  if (!list) return []
  const items = Array.from({ length: tooMany }, (_, index): Pair => [`${list.key}.${index + 1}`, 'x'])
  return [[`${list.key} of ${tooMany} items`, ['InvalidQueryParameter'], ...items]]
}

function listBadValues({ key, shape }: Place): Wrong[] {
  const invalid = ['InvalidParameterValue']
  if (shape.type === 'structure') {
    return [
      [`${key} a text`, invalid, [key, 'x']],
      [`${key} with an unknown member`, ['UnknownParameter'], [`${key}.Nonsense`, 'x']],
    ]
  }
  if (shape.type === 'list') {
    return [[`${key} with an item that has a name`, ['UnknownParameter'], [`${key}.Nonsense`, 'x']]]
  }
  return listBadTexts(shape).map(([what, text]) => [`${key} ${what}`, invalid, [key, text]])
}

function listBadTexts({ type, min, max, pattern, enum: values }: ScalarShape): [what: string, text: string][] {
  switch (type) {
    case 'boolean':
      return [['not a boolean', 'maybe']]
    case 'timestamp':
      return [
        ['not a time', 'yesterday'],
        ['no day of the calendar', '2026-02-31T25:00:00Z'],
      ]
    case 'blob':
      return [['not base64', '***']]
    case 'string':
      return [
        ['with a control character', 'a\u0001b'],
        ['with half a character', 'a\ufffeb'],
        ...(values ? [['none of its values', 'no-such-value'] satisfies [string, string]] : []),
        ...(max === undefined ? [] : [['too long', 'x'.repeat(max + 1)] satisfies [string, string]]),
        ...(min === undefined || min < 2 ? [] : [['too short', 'x'.repeat(min - 1)] satisfies [string, string]]),
        ...(pattern === undefined ? [] : [['outside its pattern', '\u20ac \u20ac'] satisfies [string, string]]),
      ]
    case 'integer':
    case 'double':
    case 'number':
      return [
        ['not a number', 'many'],
        ['not finite', 'Infinity'],
        ...(type === 'integer' ? [['no integer', '1.5'] satisfies [string, string]] : []),
        ...(max === undefined ? [] : [['too large', String(max + 1)] satisfies [string, string]]),
        ...(min === undefined ? [] : [['too small', String(min - 1)] satisfies [string, string]]),
      ]
  }
}

/** A value for every member that may not be absent. */
function fillRequired(model: Ec2Model, shape: StructureShape, prefix: string): Pair[] {
  return [...shape.members.values()]
    .filter(({ isRequired }) => isRequired)
    .flatMap((member) => fill(model, member.shape, prefix + member.query))
}

function fill(model: Ec2Model, name: string, key: string, depth = 0): Pair[] {
  const shape = model.shapeOf(name)
  if (shape.type === 'list') {
    return Array.from({ length: Math.max(1, shape.min ?? 1) }, (_, index) =>
      fill(model, shape.item, `${key}.${index + 1}`, depth),
    ).flat()
  }
  if (shape.type !== 'structure') return [[key, fittingText(shape)]]
  const required = fillRequired(model, shape, `${key}.`)
  if (required.length > 0 || depth > deepest) return required
  // A structure without a member would count as absent.
  for (const member of shape.members.values()) {
    const filled = fill(model, member.shape, `${key}.${member.query}`, depth + 1)
    if (filled.length > 0) return filled
  }
  return []
}

function fittingText({ type, enum: values, min = 0, max = Number.POSITIVE_INFINITY, pattern }: ScalarShape): string {
  if (values) return values[0] ?? ''
  if (type === 'timestamp') return '2026-01-01T00:00:00Z'
  if (type === 'blob') return 'eA=='
  if (type !== 'string') return String(Math.max(min, Number(texts[type] ?? 1)) || texts[type])
  const fits = (text: string) => text.length <= max && (pattern === undefined || new RegExp(pattern).test(text))
  return fitting.map((text) => text.padEnd(min, 'x')).find(fits) ?? 'x'.padEnd(min, 'x')
}

function listPlaces(model: Ec2Model, shape: StructureShape, prefix: string, depth: number): Place[] {
  if (depth > deepest) return []
  return [...shape.members.values()].flatMap((member) => {
    const key = prefix + member.query
    const inner = model.shapeOf(member.shape)
    const item = inner.type === 'list' ? model.shapeOf(inner.item) : undefined
    return [
      { key, member, shape: inner },
      ...(inner.type === 'structure' ? listPlaces(model, inner, `${key}.`, depth + 1) : []),
      ...(item?.type === 'structure' ? listPlaces(model, item, `${key}.1.`, depth + 1) : []),
      ...(item && item.type !== 'structure' && item.type !== 'list' ? [{ key: `${key}.1`, member, shape: item }] : []),
    ]
  })
}

/** The base without what the new pairs say otherwise. */
function replace(base: readonly Pair[], pairs: readonly Pair[]): Pair[] {
  const isReplaced = (key: string) =>
    pairs.some(([other]) => key === other || other.startsWith(`${key}.`) || key.startsWith(`${other}.`))
  return [...base.filter(([key]) => !isReplaced(key)), ...pairs]
}

function encode(pairs: readonly Pair[]): string {
  return pairs.map((pair) => pair.map(encodeStrictly).join('=')).join('&')
}

/** As signatures want it (RFC 3986): encodeURIComponent leaves five reserved characters as they are. */
function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
