/** Units of lengths of time as people write them, the longest first. */
export const durationUnits = [
  { letter: 'd', seconds: 86_400 },
  { letter: 'h', seconds: 3600 },
  { letter: 'm', seconds: 60 },
  { letter: 's', seconds: 1 },
] as const

/** Seconds of `10m`, `2h 30m` or `3d`. Undefined when it is nothing like it. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+[dhms]\s*)+$/.test(text)) return undefined
  let seconds = 0
  for (const [, count, letter] of text.matchAll(/(\d+)([dhms])/g)) {
    seconds += Number(count) * (durationUnits.find((unit) => unit.letter === letter)?.seconds ?? 0)
  }
  return seconds
}
