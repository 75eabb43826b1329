import type { Clock } from '../../host/clock.ts'
import type { LogLine } from './flow-record.ts'

/** A line that somebody may be looking at, numbered in its order. */
export interface WatchedLine {
  readonly number: number
  readonly line: LogLine
}

/** Who looks at what passes right now, with no flow log: `kiln flow-logs`. Looking goes on for as long as somebody asks for more. */
export interface FlowWatch {
  /** Looks at a VPC, subnet or interface from now on, for a while; answers whether nobody has looked at it. */
  look(resourceId: string): boolean
  isWatched(resourceId: string): boolean
  /** The resources that nobody has looked at for a while; they are watched no more. */
  expire(): string[]
  hasWatchers(): boolean
  append(lines: readonly LogLine[]): void
  /** The newest number that was given. */
  lastNumber(): number
  /** Those after a number, the oldest first. */
  readAfter(number: number): readonly WatchedLine[]
}

/** Whoever follows asks every second or so. */
const patienceMs = 15_000
const maximumLines = 20_000

export function createFlowWatch(clock: Clock): FlowWatch {
  const lookedAt = new Map<string, number>()
  let lines: WatchedLine[] = []
  let last = 0
  return {
    look: (resourceId) => {
      const isNew = !lookedAt.has(resourceId)
      lookedAt.set(resourceId, clock.now().getTime())
      return isNew
    },
    isWatched: (resourceId) => lookedAt.has(resourceId),
    expire: () => {
      const now = clock.now().getTime()
      const over = [...lookedAt].filter(([, time]) => now - time > patienceMs).map(([id]) => id)
      for (const id of over) lookedAt.delete(id)
      if (lookedAt.size === 0) lines = []
      return over
    },
    hasWatchers: () => lookedAt.size > 0,
    append: (added) => {
      lines.push(...added.map((line) => ({ number: ++last, line })))
      if (lines.length > maximumLines) lines = lines.slice(-maximumLines)
    },
    lastNumber: () => last,
    readAfter: (number) => lines.filter((line) => line.number > number),
  }
}
