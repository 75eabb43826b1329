import { Ec2Error, missingParameter } from '../../ec2/errors.ts'
import type { Ec2Model, ListShape, ScalarShape, StructureShape } from '../../ec2-model/model.ts'
import { isEmptyMeant } from '../empty-parameter.ts'
import { checkListLength, checkNumber, checkText, parseBlob, parseTimestamp, refuseValue } from '../scalar-rules.ts'
import type { Parameter } from './form.ts'
import { growTree, type ParameterNode, refuseUnread } from './parameter-tree.ts'

/** A request as dispatch takes it. */
export interface ParsedQuery {
  readonly operation: string
  /** The API version that the client asked for: its answer's namespace. */
  readonly version: string
  readonly input: Record<string, unknown>
}

/** Parameters of the protocol itself and of the signature versions before 4. */
const protocolKeys = new Set([
  'Action',
  'Version',
  'AWSAccessKeyId',
  'SignatureVersion',
  'SignatureMethod',
  'Signature',
  'SecurityToken',
  'Timestamp',
  'Expires',
])

/**
 * Reads a request of EC2's query protocol by the model. Throws EC2's errors: InvalidAction, NoSuchVersion, MissingParameter,
 * InvalidParameterValue, UnknownParameter, InvalidQueryParameter.
 */
export function parseQuery(model: Ec2Model, parameters: readonly Parameter[]): ParsedQuery {
  const root = growTree(parameters)
  const operation = root.children.get('Action')?.value
  if (!operation) throw new Ec2Error('MissingAction', 'The request must contain the parameter Action')
  const version = readVersion(model, root.children.get('Version')?.value)
  const operationModel = model.findOperation(operation)
  if (!operationModel) {
    throw new Ec2Error('InvalidAction', `The action ${operation.slice(0, 80)} is not valid for this web service.`)
  }
  for (const key of root.children.keys()) {
    if (protocolKeys.has(key) || key.toLowerCase().startsWith('x-amz-')) root.children.delete(key)
  }
  const input = operationModel.input === undefined ? undefined : readInput(model, operationModel.input, root)
  refuseUnread(root)
  return { operation, version, input: input ?? {} }
}

/** EC2 still answers every version of its API since 2006; a later or a wrong one does not exist. */
function readVersion(model: Ec2Model, version: string | undefined): string {
  if (!version) throw missingParameter('Version')
  if (!/^20\d\d-\d\d-\d\d$/.test(version) || version > model.version || version < '2006-06-26') {
    throw new Ec2Error(
      'NoSuchVersion',
      `The requested version (${version.slice(0, 80)}) of service AmazonEC2 does not exist`,
    )
  }
  return version
}

function readInput(model: Ec2Model, name: string, root: ParameterNode): Record<string, unknown> {
  const shape = model.shapeOf(name)
  if (shape.type !== 'structure') throw new Error(`the input ${name} is no structure`)
  const input = readMembers(model, name, shape, root, '')
  refuseMissing(shape, input, '')
  return input
}

function readNode(model: Ec2Model, name: string, node: ParameterNode, path: string, isEmptyKept: boolean): unknown {
  node.isRead = true
  const shape = model.shapeOf(name)
  if (shape.type === 'list') return readList(model, shape, node, path, isEmptyKept)
  if (shape.type !== 'structure') return readScalar(shape, node.value, path, isEmptyKept)
  if (node.value) throw refuseValue(path, node.value, 'Expecting a structure.')
  const value = readMembers(model, name, shape, node, path)
  // Packer sends structures whose members are all empty: they are not there.
  if (Object.keys(value).length === 0) return undefined
  refuseMissing(shape, value, path)
  return value
}

function readMembers(
  model: Ec2Model,
  name: string,
  shape: StructureShape,
  node: ParameterNode,
  path: string,
): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  for (const member of shape.members.values()) {
    const child = node.children.get(member.query)
    if (!child) continue
    const read = readNode(model, member.shape, child, join(path, member.query), isEmptyMeant(name, member))
    if (read !== undefined) value[member.name] = read
  }
  return value
}

function refuseMissing(shape: StructureShape, value: Record<string, unknown>, path: string): void {
  for (const member of shape.members.values()) {
    if (member.isRequired && value[member.name] === undefined) throw missingParameter(join(path, member.query))
  }
}

/** Items are numbered from 0 or 1, with gaps or without; libcloud sends a single item with no number. */
function readList(
  model: Ec2Model,
  shape: ListShape,
  node: ParameterNode,
  path: string,
  isEmptyKept: boolean,
): unknown[] | undefined {
  const indexed = readIndices(node, path)
  const items: unknown[] = indexed
    .map(([segment, child]) => readNode(model, shape.item, child, join(path, segment), isEmptyKept))
    .filter((item) => item !== undefined)
  if (node.value) {
    if (items.length > 0) throw refuseValue(path, node.value, 'Expecting numbered items.')
    items.push(readNode(model, shape.item, { value: node.value, children: new Map(), isRead: true }, path, false))
  }
  if (items.length === 0) return undefined
  checkListLength(shape, items.length, path)
  return items
}

function readIndices(node: ParameterNode, path: string): [string, ParameterNode][] {
  const indexed = [...node.children].filter(([segment]) => /^\d{1,6}$/.test(segment))
  indexed.sort(([a], [b]) => Number(a) - Number(b))
  const isAmbiguous = indexed.some(([segment], at) => at > 0 && Number(segment) === Number(indexed[at - 1]?.[0]))
  if (isAmbiguous) throw new Ec2Error('InvalidQueryParameter', `Two items of the list ${path} have the same number`)
  return indexed
}

function readScalar(shape: ScalarShape, text: string | undefined, path: string, isEmptyKept: boolean): unknown {
  if (text === undefined) return undefined
  if (text === '' && !(isEmptyKept && shape.type === 'string')) return undefined
  switch (shape.type) {
    case 'string':
      return checkText(shape, text, path)
    case 'boolean':
      return readBoolean(text, path)
    case 'timestamp':
      return parseTimestamp(text, path)
    case 'blob':
      return parseBlob(shape, text, path)
    case 'integer':
    case 'double':
    case 'number':
      return readNumber(shape, text, path)
  }
}

function readBoolean(text: string, path: string): boolean {
  if (/^(true|1)$/i.test(text)) return true
  if (/^(false|0)$/i.test(text)) return false
  throw refuseValue(path, text, 'Expecting a boolean (true or false).')
}

function readNumber(shape: ScalarShape, text: string, path: string): number {
  const form =
    shape.type === 'integer' ? /^[+-]?\d{1,19}$/ : /^[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?$/
  if (!form.test(text)) {
    throw refuseValue(path, text, shape.type === 'integer' ? 'Expecting an integer.' : 'Expecting a number.')
  }
  return checkNumber(shape, Number(text), path)
}

function join(path: string, segment: string): string {
  return path === '' ? segment : `${path}.${segment}`
}
