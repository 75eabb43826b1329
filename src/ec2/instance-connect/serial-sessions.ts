/** The sessions at serial consoles that go on. An instance has one at most, as on EC2. */
export interface SerialSessions {
  has(instanceId: string): boolean
  /** Notes that one begins; `end` is called when it shall end. Answers what tells that it has; undefined when the instance has one. */
  begin(instanceId: string, end: () => void): (() => void) | undefined
  /** Ends those of the instances that it holds for. */
  endWhere(isTheirs: (instanceId: string) => boolean): void
}

export function createSerialSessions(): SerialSessions {
  const ends = new Map<string, () => void>()
  return {
    has: (instanceId) => ends.has(instanceId),
    begin: (instanceId, end) => {
      if (ends.has(instanceId)) return undefined
      ends.set(instanceId, end)
      return () => {
        if (ends.get(instanceId) === end) ends.delete(instanceId)
      }
    },
    endWhere: (isTheirs) => {
      for (const [instanceId, end] of [...ends]) if (isTheirs(instanceId)) end()
    },
  }
}
