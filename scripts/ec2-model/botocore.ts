import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** A shape of botocore's service-2.json, as far as it is used. */
export interface BotocoreShape {
  readonly type: string
  readonly members?: Readonly<Record<string, { readonly shape: string }>>
  readonly member?: { readonly shape: string }
  readonly enum?: readonly string[]
  readonly min?: number
  readonly max?: number
  readonly pattern?: string
}

/** botocore's service-2.json. */
export interface Botocore {
  readonly shapes: Readonly<Record<string, BotocoreShape>>
}

/** Reads service-2.json, gzipped or not. */
export function readBotocore(path: string): Botocore {
  const bytes = readFileSync(path)
  return JSON.parse((path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()) as Botocore
}

/** Ranges, lengths and the pattern of a shape, as the model keeps them. */
export function constraintsOf(shape: BotocoreShape): { min?: number; max?: number; pattern?: string } {
  const pattern = shape.type === 'string' ? anchorPattern(shape.pattern) : undefined
  return {
    ...(shape.min === undefined ? {} : { min: shape.min }),
    ...(shape.max === undefined ? {} : { max: shape.max }),
    ...(pattern === undefined ? {} : { pattern }),
  }
}

/**
 * Patterns are applied to hostile texts: one that repeats a group with an unbounded repetition inside could take forever and is
 * left out, as is one with an anchor in its midst, which can match nothing. The rest are made to match the whole text.
 */
function anchorPattern(pattern: string | undefined): string | undefined {
  if (pattern === undefined) return undefined
  const inner = pattern.replace(/^\^/, '').replace(/\$$/, '')
  if (/[+*][^()]*\)[+*{]/.test(inner) || /(?<![[\\])[\^$]/.test(inner)) return undefined
  return `^(?:${inner})$`
}
