/** A way through the graph that comes back to where it began, `[a, b, a]`; undefined when there is none. */
export function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const isDone = new Set<string>()
  for (const start of graph.keys()) {
    const cycle = walk(start, [])
    if (cycle) return cycle
  }
  return undefined

  function walk(name: string, way: readonly string[]): string[] | undefined {
    const seen = way.indexOf(name)
    if (seen >= 0) return [...way.slice(seen), name]
    if (isDone.has(name)) return undefined
    for (const next of graph.get(name) ?? []) {
      const cycle = walk(next, [...way, name])
      if (cycle) return cycle
    }
    isDone.add(name)
    return undefined
  }
}
