import { z } from 'zod'
import { suggest } from '../suggest.ts'

const keyPattern = /^[A-Za-z][A-Za-z0-9_-]{0,39}$/

/** An object that takes no other keys. The message for unknown keys has a line for each of them, in their order. */
export function closed<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => `unknown key.${suggest(key, known)}`).join('\n')
        : undefined,
  })
}

/** A map of names to items. */
export function section<Item extends z.ZodType>(item: Item) {
  return z.record(
    z.string().regex(keyPattern, 'expected a letter, then at most 39 letters, digits, - and _.'),
    item,
    'expected a map of names.',
  )
}

/** A name of another section. */
export function reference(noun: string, known: readonly string[]) {
  return z.string().superRefine((name, context) => {
    if (!known.includes(name)) fail(context, `the manifest has no ${noun} ${name}.${suggest(name, known)}`)
  })
}

/** A whole number within bounds. */
export function wholeNumber(minimum: number, maximum: number) {
  const error = `expected a whole number from ${minimum} to ${maximum}.`
  return z.int(error).min(minimum, error).max(maximum, error)
}

/** How many of the keys a value has. */
export function countPresent(value: unknown, keys: readonly string[]): number {
  const present = Object(value) as Record<string, unknown>
  return keys.filter((key) => present[key] !== undefined).length
}

/** Where the refinements of zod put what they find. */
export interface Failing {
  addIssue(issue: { code: 'custom'; message: string; path?: PropertyKey[] }): void
}

/** Adds a mistake, at `path` inside the value that is looked at. */
export function fail(context: Failing, message: string, path: PropertyKey[] = []): void {
  context.addIssue({ code: 'custom', message, path })
}
