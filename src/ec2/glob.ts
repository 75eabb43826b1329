/** A filter value taken apart: single characters, `one` for any character, `any` for any text. */
export interface Glob {
  readonly parts: readonly GlobPart[]
  /** Shorter texts cannot match. */
  readonly minimumLength: number
}

interface GlobPart {
  readonly kind: 'any' | 'one' | 'character'
  readonly character?: string
}

/** `*` is any text, `?` one character, a backslash takes their meaning away ("List and filter using the CLI and API"). */
export function compileGlob(value: string): Glob {
  const parts: GlobPart[] = []
  const characters = Array.from(value)
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index] ?? ''
    const next = characters[index + 1]
    if (character === '\\' && next !== undefined) {
      parts.push({ kind: 'character', character: next })
      index++
    } else if (character === '*') {
      if (parts.at(-1)?.kind !== 'any') parts.push({ kind: 'any' })
    } else parts.push(character === '?' ? { kind: 'one' } : { kind: 'character', character })
  }
  return { parts, minimumLength: parts.filter(({ kind }) => kind !== 'any').length }
}

/** The only text that fits, when there are no wildcards; undefined otherwise. */
export function plainTextOf({ parts }: Glob): string | undefined {
  return parts.every(({ kind }) => kind === 'character') ? parts.map(({ character }) => character).join('') : undefined
}

/**
 * Whether the whole text fits. Only the latest `any` is ever tried again, one character on: the work is at most the product of
 * both lengths, whatever the pattern.
 */
export function matchesGlob({ parts, minimumLength }: Glob, text: string): boolean {
  if (text.length < minimumLength) return false
  const characters = Array.from(text)
  let part = 0
  let at = 0
  let latestAny = -1
  let resumeAt = 0
  while (at < characters.length) {
    const wanted = parts[part]
    if (wanted?.kind === 'any') {
      latestAny = part++
      resumeAt = at
    } else if (wanted?.kind === 'one' || (wanted !== undefined && wanted.character === characters[at])) {
      part++
      at++
    } else if (latestAny >= 0) {
      part = latestAny + 1
      at = ++resumeAt
    } else return false
  }
  return parts.slice(part).every(({ kind }) => kind === 'any')
}
