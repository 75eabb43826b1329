/**
 * Text from the API made harmless for a terminal: control characters (ANSI escapes begin with one) and characters that turn the
 * direction of writing become visible escapes.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

const escape = String.fromCodePoint(0x1b)
const bell = String.fromCodePoint(0x07)
const stringSequence = new RegExp(`${escape}[\\]P^_X][^${bell}${escape}]*(?:${bell}|${escape}\\\\)?`, 'g')
const controlSequence = new RegExp(`${escape}\\[[0-?]*[ -/]*[@-~]?`, 'g')
const shortSequence = new RegExp(`${escape}[ -/]*[0-~]?`, 'g')

/** Guest output for a terminal: lines and tabs stay, escape sequences and other control characters go. */
export function stripTerminalControls(text: string): string {
  return text
    .replace(stringSequence, '')
    .replace(controlSequence, '')
    .replace(shortSequence, '')
    .replace(/\r\n/g, '\n')
    .replace(/[^\P{Cc}\n\t]/gu, '')
}

/** Columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  let width = 0
  for (const character of text) {
    if (/\p{Mn}|\p{Me}|\p{Cf}/u.test(character)) continue
    const code = character.codePointAt(0) ?? 0
    const isWide =
      (code >= 0x1100 && code <= 0x115f) ||
      (code >= 0x2e80 && code <= 0xa4cf) ||
      (code >= 0xac00 && code <= 0xd7a3) ||
      (code >= 0xf900 && code <= 0xfaff) ||
      (code >= 0xfe30 && code <= 0xfe6f) ||
      (code >= 0xff00 && code <= 0xff60) ||
      (code >= 0x1f300 && code <= 0x1faff) ||
      (code >= 0x20000 && code <= 0x3fffd)
    width += isWide ? 2 : 1
  }
  return width
}

/** Cuts a text to so many columns, with an ellipsis where something is missing. */
export function fitTo(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let kept = ''
  for (const character of text) {
    if (widthOf(kept + character) > columns - 1) break
    kept += character
  }
  return `${kept}…`
}

/** A word for the POSIX shells, quoted only where it must be. */
export function quoteForShell(word: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** A word for fish, which knows backslashes inside single quotes. */
export function quoteForFish(word: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
