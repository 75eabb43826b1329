import { durationUnits, parseDuration } from '../../host/duration.ts'

/** How long ago a time was, in its two largest units: `3d 4h`, `12m 5s`. Undefined when the time is unknown. */
export function renderAge(time: string | undefined, now: Date): string | undefined {
  if (time === undefined || Number.isNaN(Date.parse(time))) return undefined
  let rest = Math.max(0, Math.floor((now.getTime() - Date.parse(time)) / 1000))
  const parts: string[] = []
  for (const { letter, seconds } of durationUnits) {
    const count = Math.floor(rest / seconds)
    rest -= count * seconds
    if (count > 0 || parts.length > 0) parts.push(`${count}${letter}`)
  }
  return parts.slice(0, 2).join(' ') || '0s'
}

/** The time of `10m`, `2h 30m` or `3d` ago, or of an ISO 8601 text. Undefined when it is neither. */
export function parseSince(text: string, now: Date): Date | undefined {
  const seconds = parseDuration(text)
  if (seconds !== undefined) return new Date(now.getTime() - seconds * 1000)
  if (!/^\d{4}-\d{2}/.test(text)) return undefined
  const time = Date.parse(text)
  return Number.isNaN(time) ? undefined : new Date(time)
}
