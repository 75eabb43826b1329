import { readFileSync } from 'node:fs'
import { ownFile } from '../host/installation.ts'

/** What a scalar holds. `number`: the public sources do not tell whether it is an integer. */
export type ScalarKind = 'string' | 'integer' | 'double' | 'number' | 'boolean' | 'timestamp' | 'blob'

/** A single value and its limits: of the number itself, of a text's or blob's length. */
export interface ScalarShape {
  readonly type: ScalarKind
  readonly enum?: readonly string[]
  readonly min?: number
  readonly max?: number
  /** For the whole text, as JavaScript writes it. */
  readonly pattern?: string
}

export interface ListShape {
  readonly type: 'list'
  /** Name of the shape of each item. */
  readonly item: string
  /** Element name of an item in a response. */
  readonly xml: string
  readonly min?: number
  readonly max?: number
}

export interface Member {
  readonly name: string
  /** Name of its shape. */
  readonly shape: string
  /** Its name in a query request. */
  readonly query: string
  /** Its element name in a response. */
  readonly xml: string
  readonly isRequired: boolean
}

export interface StructureShape {
  readonly type: 'structure'
  /** By SDK name, in the order of the model. */
  readonly members: ReadonlyMap<string, Member>
}

export type Shape = ScalarShape | ListShape | StructureShape

/** Names of the structures that an operation takes and answers; absent when it takes or answers nothing. */
export interface OperationModel {
  readonly input?: string
  readonly output?: string
}

/** EC2's public service model. */
export interface Ec2Model {
  /** Newest API version: the date that clients send as `Version`. */
  readonly version: string
  readonly operationNames: readonly string[]
  findOperation(name: string): OperationModel | undefined
  /** Throws for a name that the model does not hold. */
  shapeOf(name: string): Shape
}

/** model.json: members keep `query` and `xml` only where they differ from their names. */
interface ModelFile {
  readonly version: string
  readonly operations: Readonly<Record<string, OperationModel>>
  readonly shapes: Readonly<Record<string, ScalarShape | ListShape | StructureFile>>
}

interface StructureFile {
  readonly type: 'structure'
  readonly members: Readonly<Record<string, { shape: string; query?: string; xml?: string }>>
  readonly required?: readonly string[]
}

/** Reads the generated model: some tens of milliseconds and megabytes, so once a process. */
export function loadModel(): Ec2Model {
  const file = JSON.parse(readFileSync(ownFile('ec2-model/model.json'), 'utf8')) as ModelFile
  const operations = new Map(Object.entries(file.operations))
  const shapes = new Map(Object.entries(file.shapes))
  const resolved = new Map<string, Shape>()

  return {
    version: file.version,
    operationNames: [...operations.keys()],
    findOperation: (name) => operations.get(name),
    shapeOf(name) {
      const known = resolved.get(name)
      if (known) return known
      const raw = shapes.get(name)
      if (!raw) throw new Error(`EC2's model has no shape ${name}`)
      const shape = raw.type === 'structure' ? readStructure(raw) : raw
      resolved.set(name, shape)
      return shape
    },
  }
}

function readStructure(file: StructureFile): StructureShape {
  const required = new Set(file.required)
  const members = Object.entries(file.members).map(([name, { shape, query = name, xml = name }]): [string, Member] => [
    name,
    { name, shape, query, xml, isRequired: required.has(name) },
  ])
  return { type: 'structure', members: new Map(members) }
}
