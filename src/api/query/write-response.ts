import type { Ec2Error } from '../../ec2/errors.ts'
import type { Ec2Model, Shape, StructureShape } from '../../ec2-model/model.ts'
import { escapeXml, writeElement, xmlDeclaration } from './xml.ts'

/** What an answer says besides its output. */
export interface ResponseHeading {
  readonly requestId: string
  /** The API version that was asked for; the model's own when absent. */
  readonly version?: string
}

/**
 * Writes EC2's answer by the model. Members that are absent are left out, empty lists are empty elements (clients tell them
 * apart), and an operation that answers nothing answers `<return>true</return>`.
 */
export function writeResponse(model: Ec2Model, operation: string, output: unknown, heading: ResponseHeading): string {
  const { output: shapeName } = model.findOperation(operation) ?? {}
  const content =
    shapeName === undefined ? '<return>true</return>' : writeValue(model, model.shapeOf(shapeName), output ?? {})
  const version = heading.version ?? model.version
  return (
    `${xmlDeclaration}<${operation}Response xmlns="http://ec2.amazonaws.com/doc/${escapeXml(version)}/">` +
    `<requestId>${escapeXml(heading.requestId)}</requestId>${content}</${operation}Response>`
  )
}

/** Writes EC2's error document, which has no namespace and exactly Code and Message in its Error. */
export function writeError(error: Ec2Error, requestId: string): string {
  return (
    `${xmlDeclaration}<Response><Errors><Error><Code>${escapeXml(error.code)}</Code>` +
    `<Message>${escapeXml(error.message)}</Message></Error></Errors>` +
    `<RequestID>${escapeXml(requestId)}</RequestID></Response>`
  )
}

function writeValue(model: Ec2Model, shape: Shape, value: unknown): string {
  switch (shape.type) {
    case 'structure':
      return writeMembers(model, shape, value)
    case 'list':
      return (value as readonly unknown[])
        .map((item) => writeElement(shape.xml, writeValue(model, model.shapeOf(shape.item), item)))
        .join('')
    case 'timestamp':
      return (value as Date).toISOString()
    case 'blob':
      return Buffer.from(value as Uint8Array).toString('base64')
    default:
      return escapeXml(String(value))
  }
}

function writeMembers(model: Ec2Model, shape: StructureShape, value: unknown): string {
  const record = value as Readonly<Record<string, unknown>>
  let xml = ''
  for (const member of shape.members.values()) {
    const inner = record[member.name]
    if (inner === undefined || inner === null) continue
    xml += writeElement(member.xml, writeValue(model, model.shapeOf(member.shape), inner))
  }
  return xml
}
