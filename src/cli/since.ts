import { InvalidArgumentError } from 'commander'
import { systemClock } from '../host/clock.ts'
import { parseSince } from './render/duration.ts'

/** Parser for options that take a time in the past. */
export function readSince(text: string): Date {
  const time = parseSince(text, systemClock.now())
  if (time) return time
  throw new InvalidArgumentError('Expected 10m, 2h, 3d and the like, or an ISO 8601 time.')
}
