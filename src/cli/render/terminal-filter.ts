import { stripTerminalControls } from './text.ts'

/** An escape sequence that has begun and may go on, or the first half of a line end. */
const unfinished = new RegExp(String.raw`(?:\u001b(?:\[[0-?]*[ -/]*|[\]P^_X][^\u0007\u001b]*\u001b?|[ -/]*)|\r)$`)
/** Nothing that is meant is longer: the rest of a sequence that never ends must not be held back for ever. */
const longestSequence = 4096

/**
 * Makes guest output harmless for a terminal as it comes, chunk by chunk: characters and escape sequences that are cut between two chunks
 * are put together first.
 */
export function createTerminalFilter(): (chunk: Uint8Array) => string {
  const decoder = new TextDecoder()
  let held = ''
  return (chunk) => {
    const text = held + decoder.decode(chunk, { stream: true })
    const start = text.search(unfinished)
    const end = start < 0 || text.length - start > longestSequence ? text.length : start
    held = text.slice(end)
    return stripTerminalControls(text.slice(0, end))
  }
}
