import { Ec2Error } from '../../ec2/errors.ts'
import type { Parameter } from './form.ts'

/** One segment of the dotted keys: the value that ends there, and the segments below. Keys are hostile, hence a map. */
export interface ParameterNode {
  value: string | undefined
  readonly children: Map<string, ParameterNode>
  /** Set once the segment has been understood; what is left over at the end is unknown. */
  isRead: boolean
}

/** Deeper than any input of the model. */
const maximumDepth = 16

const emptyNode = (): ParameterNode => ({ value: undefined, children: new Map(), isRead: false })

/** Arranges `Filter.1.Value.2=x` by its segments. Throws InvalidQueryParameter for what is given twice or too deep. */
export function growTree(parameters: readonly Parameter[]): ParameterNode {
  const root = emptyNode()
  for (const [key, value] of parameters) {
    const segments = key.split('.', maximumDepth + 1)
    if (segments.length > maximumDepth) throw unknownParameter(key)
    let node = root
    for (const segment of segments) {
      const next = node.children.get(segment) ?? emptyNode()
      node.children.set(segment, next)
      node = next
    }
    if (node.value !== undefined) {
      throw new Ec2Error('InvalidQueryParameter', `The parameter ${shorten(key)} is given more than once`)
    }
    node.value = value
  }
  return root
}

/** Throws UnknownParameter for the first segment that nobody has read. */
export function refuseUnread(node: ParameterNode, path = ''): void {
  for (const [segment, child] of node.children) {
    const here = path === '' ? segment : `${path}.${segment}`
    if (!child.isRead) throw unknownParameter(here)
    refuseUnread(child, here)
  }
}

/** EC2's answer to a parameter that the operation does not have. */
export function unknownParameter(path: string): Ec2Error {
  return new Ec2Error('UnknownParameter', `The parameter ${shorten(path)} is not recognized`)
}

function shorten(key: string): string {
  return key.length > 80 ? `${key.slice(0, 80)}…` : key
}
