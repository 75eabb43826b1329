import { Ec2Error, invalidParameterValue } from '../ec2/errors.ts'
import type { ListShape, ScalarShape } from '../ec2-model/model.ts'

/** How much of a refused value an error message repeats. */
const shownLength = 80

/** EC2's `Value (x) for parameter y is invalid. Why.`, with at most the beginning of the value. */
export function refuseValue(path: string, value: unknown, why: string): Ec2Error {
  const text = describeValue(value)
  return invalidParameterValue(path, text.length > shownLength ? `${text.slice(0, shownLength)}…` : text, why)
}

/** Lists and objects are not repeated: they may be as deep as a hostile client likes. */
function describeValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** The text, when the shape allows it: no control characters, which no answer could carry, its enumeration, length, pattern. */
export function checkText(shape: ScalarShape, text: string, path: string): string {
  if (hasForbiddenCharacter(text)) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `The value for parameter ${path} contains characters that are not allowed in XML 1.0.`,
    )
  }
  if (shape.enum && !shape.enum.includes(text)) throw refuseValue(path, text, expectOneOf(shape.enum))
  checkLength(shape, text, path)
  if (shape.pattern !== undefined && !patternOf(shape.pattern).test(text)) {
    throw refuseValue(path, text, `It must match the pattern ${shape.pattern}`)
  }
  return text
}

/** The number, when it is an integer where the shape wants one, and within the shape's range. */
export function checkNumber(shape: ScalarShape, value: number, path: string): number {
  if (!Number.isFinite(value)) throw refuseValue(path, value, 'Expecting a number.')
  if (shape.type === 'integer' && !Number.isSafeInteger(value)) throw refuseValue(path, value, 'Expecting an integer.')
  const { min, max } = shape
  if ((min !== undefined && value < min) || (max !== undefined && value > max)) {
    throw refuseValue(path, value, describeRange('a value', min, max))
  }
  return value
}

/** A time in one of ISO 8601's forms that EC2 documents, with or without fractions of a second. */
export function parseTimestamp(text: string, path: string): Date {
  const isIso = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)
  // A time without a zone is UTC; Date would take it for the host's own.
  const hasZone = /(Z|T.*[+-]\d{2}:?\d{2})$/.test(text)
  const time = new Date(hasZone || !text.includes('T') ? text : `${text}Z`)
  if (!isIso || Number.isNaN(time.getTime())) throw refuseValue(path, text, 'Expecting a timestamp in ISO 8601 format.')
  return time
}

/** The bytes of a base64 text. Line breaks are allowed, as clients wrap their key material. */
export function parseBlob(shape: ScalarShape, text: string, path: string): Uint8Array {
  const compact = text.replace(/[\r\n]/g, '')
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) {
    throw refuseValue(path, text, 'Expecting base64-encoded data.')
  }
  const bytes = new Uint8Array(Buffer.from(compact, 'base64'))
  checkLength(shape, bytes, path)
  return bytes
}

/** Refuses a list that is shorter or longer than the shape allows. */
export function checkListLength(shape: ListShape, length: number, path: string): void {
  const { min, max } = shape
  if ((min !== undefined && length < min) || (max !== undefined && length > max)) {
    throw refuseValue(path, length, describeRange('a number of items', min, max))
  }
}

function checkLength({ min, max }: ScalarShape, value: { readonly length: number }, path: string): void {
  if ((min !== undefined && value.length < min) || (max !== undefined && value.length > max)) {
    const shown = typeof value === 'string' ? value : `${value.length} bytes`
    throw refuseValue(path, shown, describeRange('a length', min, max))
  }
}

/**
 * XML 1.0 (fifth edition, 2.2 Characters) has no way to write these, not even as references: the controls below the blank but for
 * tab and line ends, two noncharacters, and surrogates without their other half.
 */
export function hasForbiddenCharacter(text: string): boolean {
  return /[^\P{Cc}\t\n\r\x7f-\x9f]|[\ufffe\uffff]|\p{Surrogate}/u.test(text)
}

function expectOneOf(values: readonly string[]): string {
  const shown = values.slice(0, 20).join(', ')
  return `Expecting one of: ${shown}${values.length > 20 ? ', …' : ''}`
}

function describeRange(what: string, min: number | undefined, max: number | undefined): string {
  if (min === undefined) return `Expecting ${what} of at most ${max}.`
  if (max === undefined) return `Expecting ${what} of at least ${min}.`
  return `Expecting ${what} between ${min} and ${max}.`
}

function patternOf(pattern: string): RegExp {
  return new RegExp(pattern)
}
