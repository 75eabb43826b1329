import { invalidParameterValue } from '../errors.ts'

const maximumLength = 255

/** Throws InvalidParameterValue for a description of an image that is too long. */
export function requireImageDescription(description: string): void {
  if (description.length <= maximumLength) return
  throw invalidParameterValue('description', `${description.slice(0, 80)}…`, `At most ${maximumLength} characters.`)
}
