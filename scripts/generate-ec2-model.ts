// Makes src/ec2-model/model.json and src/ec2-model/operations.ts from public sources (both Apache-2.0, see NOTICE):
// the schemas and types of @aws-sdk/client-ec2, which know every operation and enumeration, and botocore's service-2.json,
// which adds what they lose: integer or floating point, ranges, lengths, patterns.
//
//   npm run generate:model -- [PATH/service-2.json[.gz]]
//
// Without an argument Debian's python3-botocore is read; `pip download --no-deps botocore` brings a newer one.
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NormalizedSchema } from '@smithy/core/schema'
import * as sdk from '@aws-sdk/client-ec2'
import { type BotocoreShape, constraintsOf, readBotocore } from './ec2-model/botocore.ts'
import { readMemberTypes } from './ec2-model/sdk-types.ts'

const apiVersion = '2016-11-15'
const debianPath = `/usr/lib/python3/dist-packages/botocore/data/ec2/${apiVersion}/service-2.json`
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const botocore = readBotocore(process.argv[2] ?? debianPath)
const sdkDirectory = join(dirname(fileURLToPath(import.meta.resolve('@aws-sdk/client-ec2'))), '..')
const memberTypes = readMemberTypes(join(sdkDirectory, 'dist-types/models'))
const exported: Readonly<Record<string, unknown>> = sdk

/** EC2 answers unknown names of these by errors of each operation, and their lists grow every month. */
const openEnumerations = new Set(['InstanceType', '_InstanceType'])

const numericTypes = new Map([
  ['integer', 'integer'],
  ['long', 'integer'],
  ['double', 'double'],
  ['float', 'double'],
])

const shapes = new Map<string, object>()

/** What the three sources call one place of the model. */
interface Place {
  readonly schema: NormalizedSchema
  /** Name of the shape in botocore. */
  readonly botocoreName: string | undefined
  /** Type in the SDK's declarations. */
  readonly type: string | undefined
}

function addShape(place: Place): string {
  const { schema } = place
  if (schema.isStructSchema()) return addStructure(schema)
  if (schema.isListSchema()) return addList(place)
  if (schema.isMapSchema()) throw new Error(`EC2 has had no maps so far: ${schema.getName()}`)
  return addScalar(place)
}

function addStructure(schema: NormalizedSchema): string {
  const name = schema.getName()
  if (name === undefined) throw new Error('a structure without a name')
  if (shapes.has(name)) return name
  const members: Record<string, object> = {}
  const shape = { type: 'structure', members, ...requiredOf(schema) }
  shapes.set(name, shape)
  for (const [memberName, member] of schema.structIterator()) {
    const traits = member.getMemberTraits()
    const xml = traits.xmlName ?? memberName
    const query = (traits as { ec2QueryName?: string }).ec2QueryName ?? capitalise(xml)
    members[memberName] = {
      shape: addShape({
        schema: member,
        botocoreName: botocore.shapes[name]?.members?.[memberName]?.shape,
        type: memberTypes.get(name)?.get(memberName),
      }),
      ...(query === memberName ? {} : { query }),
      ...(xml === memberName ? {} : { xml }),
      ...(traits.idempotencyToken ? { token: true } : {}),
    }
  }
  return name
}

function addList({ schema, botocoreName, type }: Place): string {
  const item = schema.getValueSchema()
  const own = typeof schema.getSchema() === 'number' ? undefined : schema.getName()
  const known = botocoreName === undefined ? undefined : botocore.shapes[botocoreName]
  const name = own ?? botocoreName ?? `${type ?? 'unknown'}[]`
  if (shapes.has(name)) return name
  const shape = {
    type: 'list',
    item: '',
    xml: item.getMergedTraits().xmlName ?? 'member',
    ...constraintsOf(known ?? { type: 'list' }),
  }
  shapes.set(name, shape)
  shape.item = addShape({
    schema: item,
    botocoreName: known?.member?.shape,
    type: type?.replace(/^\((.*)\)\[\]$|\[\]$/, '$1'),
  })
  return name
}

function addScalar({ schema, botocoreName, type }: Place): string {
  const known = botocoreName === undefined ? undefined : botocore.shapes[botocoreName]
  const kind = scalarKindOf(schema, known)
  const enumeration = kind === 'string' ? enumerationOf(type, botocoreName, known) : undefined
  const constraints = known && known.type !== 'boolean' ? constraintsOf(known) : {}
  if (!enumeration && Object.keys(constraints).length === 0) {
    shapes.set(kind, { type: kind })
    return kind
  }
  const name = enumeration?.name ?? botocoreName ?? kind
  shapes.set(name, { type: kind, ...(enumeration ? { enum: enumeration.values } : {}), ...constraints })
  return name
}

function scalarKindOf(schema: NormalizedSchema, known: BotocoreShape | undefined): string {
  if (schema.isTimestampSchema()) return 'timestamp'
  if (schema.isBlobSchema()) return 'blob'
  if (schema.isBooleanSchema()) return 'boolean'
  if (schema.isStringSchema()) return 'string'
  // Where botocore does not know the member yet, nothing tells an integer from a floating-point number.
  if (schema.isNumericSchema()) return numericTypes.get(known?.type ?? '') ?? 'number'
  throw new Error(`a scalar of an unknown kind: ${JSON.stringify(schema.getSchema())}`)
}

function enumerationOf(
  type: string | undefined,
  botocoreName: string | undefined,
  known: BotocoreShape | undefined,
): { name: string; values: string[] } | undefined {
  const name = type !== undefined && isEnumeration(exported[type]) ? type : known?.enum ? botocoreName : undefined
  if (name === undefined || openEnumerations.has(name)) return undefined
  const listed = exported[name]
  return {
    name,
    values: [...new Set([...(isEnumeration(listed) ? Object.values(listed) : []), ...(known?.enum ?? [])])],
  }
}

function isEnumeration(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((item) => typeof item === 'string')
  )
}

/** A structure's schema is a tuple: its fifth element lists the members, the required ones first, the seventh counts those. */
function requiredOf(schema: NormalizedSchema): { required?: string[] } {
  const tuple = schema.getSchema() as unknown as readonly unknown[]
  const count = typeof tuple[6] === 'number' ? tuple[6] : 0
  return count === 0 ? {} : { required: (tuple[4] as string[]).slice(0, count) }
}

function capitalise(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}

/** Schemas refer to one another by functions, so that they may be recursive. */
function addReference(reference: unknown): string | undefined {
  const target: unknown = typeof reference === 'function' ? reference() : reference
  return target === 'unit'
    ? undefined
    : addStructure(NormalizedSchema.of(target as Parameters<typeof NormalizedSchema.of>[0]))
}

function collectOperations(): Map<string, object> {
  const operations = new Map<string, object>()
  for (const schema of Object.values(exported)) {
    // 9 marks an operation: [9, namespace, name, traits, input, output].
    if (!Array.isArray(schema) || schema[0] !== 9) continue
    const input = addReference(schema[4])
    const output = addReference(schema[5])
    operations.set(String(schema[2]), { ...(input ? { input } : {}), ...(output ? { output } : {}) })
  }
  return operations
}

function renderModel(operations: ReadonlyMap<string, object>): string {
  const sections = [
    `"version":${JSON.stringify(apiVersion)}`,
    `"operations":{\n${renderLines(operations)}\n}`,
    `"shapes":{\n${renderLines(shapes)}\n}`,
  ]
  return `{${sections.join(',\n')}}\n`
}

/** One entry a line, in the order of names, so that a new version of the model reads well as a difference. */
function renderLines(entries: ReadonlyMap<string, object>): string {
  return sortNames(entries.keys())
    .map((name) => `${JSON.stringify(name)}:${JSON.stringify(entries.get(name))}`)
    .join(',\n')
}

function renderOperations(names: readonly string[]): string {
  const members = names.map(renderOperation)
  return `// GENERATED by scripts/generate-ec2-model.ts from the public service model (Apache-2.0, see NOTICE). Do not edit.
import type * as sdk from '@aws-sdk/client-ec2'

/** Input and output of every operation of EC2's model, by its name. Types only: nothing of the SDK is loaded at run time. */
export interface Ec2Operations {
${members.join('\n')}
}
`
}

/** In one line where the formatter would keep it so. */
function renderOperation(name: string): string {
  const input = `input: sdk.${name}CommandInput`
  const output = `output: Omit<sdk.${name}CommandOutput, '$metadata'>`
  const line = `  ${name}: { ${input}; ${output} }`
  return line.length <= 120 ? line : [`  ${name}: {`, `    ${input}`, `    ${output}`, '  }'].join('\n')
}

function sortNames(names: Iterable<string>): string[] {
  return [...names].sort((a, b) => (a < b ? -1 : 1))
}

const operations = collectOperations()
writeFileSync(join(root, 'src/ec2-model/model.json'), renderModel(operations))
writeFileSync(join(root, 'src/ec2-model/operations.ts'), renderOperations(sortNames(operations.keys())))
process.stdout.write(`${operations.size} operations, ${shapes.size} shapes\n`)
