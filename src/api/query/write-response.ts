import type { Ec2Error } from '../../ec2/errors.ts'
import type { Ec2Model, Shape } from '../../ec2-model/model.ts'
import { escapeXml, xmlDeclaration } from './xml.ts'
import { createXmlOutput, type XmlOutput } from './xml-output.ts'

/** What an answer says besides its output. */
export interface ResponseHeading {
  readonly requestId: string
  /** The API version that was asked for; the model's own when absent. */
  readonly version?: string
}

/**
 * Writes EC2's answer by the model, in pieces that follow each other. Members that are absent are left out, empty lists are empty
 * elements (clients tell them apart), and an operation that answers nothing answers `<return>true</return>`.
 */
export function writeResponse(model: Ec2Model, operation: string, output: unknown, heading: ResponseHeading): Buffer[] {
  const { output: shapeName } = model.findOperation(operation) ?? {}
  const version = heading.version ?? model.version
  const xml = createXmlOutput()
  xml.markup(
    Buffer.from(
      `${xmlDeclaration}<${operation}Response xmlns="http://ec2.amazonaws.com/doc/${escapeXml(version)}/">` +
        `<requestId>${escapeXml(heading.requestId)}</requestId>`,
    ),
  )
  if (shapeName === undefined) xml.markup(Buffer.from('<return>true</return>'))
  else writeMembers(xml, model, outputOf(model, shapeName), output ?? {}, noBytes)
  xml.markup(Buffer.from(`</${operation}Response>`))
  return xml.finish()
}

/** Writes EC2's error document, which has no namespace and exactly Code and Message in its Error. */
export function writeError(error: Ec2Error, requestId: string): string {
  return (
    `${xmlDeclaration}<Response><Errors><Error><Code>${escapeXml(error.code)}</Code>` +
    `<Message>${escapeXml(error.message)}</Message></Error></Errors>` +
    `<RequestID>${escapeXml(requestId)}</RequestID></Response>`
  )
}

const noBytes = Buffer.alloc(0)

/** An element of that name and shape, its tags encoded once for all. */
interface Element {
  readonly open: Buffer
  readonly close: Buffer
  readonly empty: Buffer
  readonly shape: Shape
  /** Of a structure. */
  readonly members: readonly Inner[]
  /** Of a list. */
  readonly item: Inner | undefined
}

/** An element inside another one, found when it is first written: structures may hold themselves. */
interface Inner {
  /** SDK name of a member. */
  readonly name: string
  readonly xml: string
  readonly shape: string
  element?: Element
}

/** By model and by name of the output shape: their elements hold all others. */
const outputs = new WeakMap<Ec2Model, Map<string, Element>>()

function outputOf(model: Ec2Model, shapeName: string): Element {
  const known = outputs.get(model) ?? new Map<string, Element>()
  outputs.set(model, known)
  const element = known.get(shapeName) ?? createElement(model, '', shapeName)
  known.set(shapeName, element)
  return element
}

function elementOf(model: Ec2Model, inner: Inner): Element {
  inner.element ??= createElement(model, inner.xml, inner.shape)
  return inner.element
}

function createElement(model: Ec2Model, xml: string, shapeName: string): Element {
  const shape = model.shapeOf(shapeName)
  const members = shape.type === 'structure' ? [...shape.members.values()] : []
  return {
    open: Buffer.from(`<${xml}>`),
    close: Buffer.from(`</${xml}>`),
    empty: Buffer.from(`<${xml}/>`),
    shape,
    members: members.map(({ name, xml: memberXml, shape: memberShape }) => ({
      name,
      xml: memberXml,
      shape: memberShape,
    })),
    item: shape.type === 'list' ? { name: '', xml: shape.xml, shape: shape.item } : undefined,
  }
}

function writeElement(xml: XmlOutput, model: Ec2Model, element: Element, value: unknown): void {
  const { shape, item } = element
  if (shape.type === 'structure') {
    const isEmpty = !writeMembers(xml, model, element, value, element.open)
    xml.markup(isEmpty ? element.empty : element.close)
  } else if (shape.type === 'list') {
    const values = value as Iterable<unknown> & { readonly length: number }
    if (values.length > 0) xml.markup(element.open)
    for (const inner of values) if (item) writeElement(xml, model, elementOf(model, item), inner)
    xml.markup(values.length > 0 ? element.close : element.empty)
  } else {
    const text = textOf(shape.type, value)
    if (text === '') {
      xml.markup(element.empty)
      return
    }
    xml.markup(element.open)
    xml.text(text)
    xml.markup(element.close)
  }
}

/** Writes `open` before the first member that is there; answers whether one was. */
function writeMembers(xml: XmlOutput, model: Ec2Model, element: Element, value: unknown, open: Buffer): boolean {
  const record = value as Readonly<Record<string, unknown>>
  let isOpen = false
  for (const member of element.members) {
    const inner = record[member.name]
    if (inner === undefined || inner === null) continue
    if (!isOpen) xml.markup(open)
    isOpen = true
    writeElement(xml, model, elementOf(model, member), inner)
  }
  return isOpen
}

function textOf(type: Exclude<Shape['type'], 'structure' | 'list'>, value: unknown): string {
  if (type === 'timestamp') return (value as Date).toISOString()
  if (type === 'blob') return Buffer.from(value as Uint8Array).toString('base64')
  return String(value)
}
