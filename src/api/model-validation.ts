import { Ec2Error, missingParameter } from '../ec2/errors.ts'
import type { Ec2Model, Member, ScalarShape, Shape, StructureShape } from '../ec2-model/model.ts'
import { isEmptyMeant } from './empty-parameter.ts'
import { checkListLength, checkNumber, checkText, parseBlob, parseTimestamp, refuseValue } from './scalar-rules.ts'

/**
 * Checks the input of an EC2 operation that came as JSON by the rules of the query front end, and gives it its types: ISO 8601 texts
 * become Date, base64 texts Uint8Array. Members that are null or empty count as absent. Throws InvalidAction, MissingParameter,
 * InvalidParameterValue, UnknownParameter.
 */
export function validateInput(model: Ec2Model, operation: string, input: unknown): Record<string, unknown> {
  const operationModel = model.findOperation(operation)
  if (!operationModel) {
    throw new Ec2Error('InvalidAction', `The action ${operation.slice(0, 80)} is not valid for this web service.`)
  }
  if (!isRecord(input)) throw new Ec2Error('InvalidRequest', 'The input of an operation is an object')
  if (operationModel.input !== undefined)
    return readStructure(model, operationModel.input, structureOf(model, operationModel.input), input, '')
  const [stray] = Object.keys(input)
  if (stray !== undefined) throw unknownMember(stray)
  return {}
}

/** Brings an EC2 operation's output into what JSON can hold: times as ISO 8601 texts with milliseconds, bytes as base64. */
export function toJson(model: Ec2Model, operation: string, output: unknown): unknown {
  const { output: name } = model.findOperation(operation) ?? {}
  return name === undefined ? {} : writeValue(model, model.shapeOf(name), output ?? {})
}

function readValue(model: Ec2Model, name: string, value: unknown, path: string): unknown {
  const shape = model.shapeOf(name)
  switch (shape.type) {
    case 'structure':
      if (!isRecord(value)) throw refuseValue(path, value, 'Expecting an object.')
      return readStructure(model, name, shape, value, path)
    case 'list': {
      if (!Array.isArray(value)) throw refuseValue(path, value, 'Expecting a list.')
      const items = (value as unknown[]).map((item, index) =>
        readValue(model, shape.item, item, `${path}.${index + 1}`),
      )
      checkListLength(shape, items.length, path)
      return items
    }
    default:
      return readScalar(shape, value, path)
  }
}

function readStructure(
  model: Ec2Model,
  structure: string,
  shape: StructureShape,
  input: Readonly<Record<string, unknown>>,
  path: string,
): Record<string, unknown> {
  const read: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(input)) {
    const here = path === '' ? name : `${path}.${name}`
    const member = shape.members.get(name)
    if (!member) throw unknownMember(here)
    if (isAbsent(structure, member, value)) continue
    const memberShape = model.shapeOf(member.shape)
    const present = readValue(model, member.shape, value, here)
    if (memberShape.type === 'structure' && Object.keys(present as object).length === 0) continue
    read[name] = present
  }
  for (const member of shape.members.values()) {
    if (member.isRequired && read[member.name] === undefined) {
      throw missingParameter(path === '' ? member.name : `${path}.${member.name}`)
    }
  }
  return read
}

function isAbsent(structure: string, member: Member, value: unknown): boolean {
  if (value === undefined || value === null) return true
  if (isEmptyMeant(structure, member)) return false
  return Array.isArray(value) ? value.every((item) => item === '') : value === ''
}

function readScalar(shape: ScalarShape, value: unknown, path: string): unknown {
  switch (shape.type) {
    case 'integer':
    case 'double':
    case 'number':
      if (typeof value !== 'number') throw refuseValue(path, value, 'Expecting a number.')
      return checkNumber(shape, value, path)
    case 'boolean':
      if (typeof value !== 'boolean') throw refuseValue(path, value, 'Expecting a boolean (true or false).')
      return value
    default:
      if (typeof value !== 'string') throw refuseValue(path, value, 'Expecting a text.')
      if (shape.type === 'timestamp') return parseTimestamp(value, path)
      return shape.type === 'blob' ? parseBlob(shape, value, path) : checkText(shape, value, path)
  }
}

function writeValue(model: Ec2Model, shape: Shape, value: unknown): unknown {
  switch (shape.type) {
    case 'structure':
      return writeStructure(model, shape, value as Readonly<Record<string, unknown>>)
    case 'list':
      return Array.from(value as Iterable<unknown>, (item) => writeValue(model, model.shapeOf(shape.item), item))
    case 'timestamp':
      return (value as Date).toISOString()
    case 'blob':
      return Buffer.from(value as Uint8Array).toString('base64')
    default:
      return value
  }
}

function writeStructure(
  model: Ec2Model,
  shape: StructureShape,
  value: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const written: Record<string, unknown> = {}
  for (const member of shape.members.values()) {
    const inner = value[member.name]
    if (inner !== undefined && inner !== null) {
      written[member.name] = writeValue(model, model.shapeOf(member.shape), inner)
    }
  }
  return written
}

function structureOf(model: Ec2Model, name: string): StructureShape {
  const shape = model.shapeOf(name)
  if (shape.type !== 'structure') throw new Error(`${name} is no structure`)
  return shape
}

function unknownMember(path: string): Ec2Error {
  const shown = path.length > 80 ? `${path.slice(0, 80)}…` : path
  return new Ec2Error('UnknownParameter', `The parameter ${shown} is not recognized`)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
