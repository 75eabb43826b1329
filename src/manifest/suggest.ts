/** ` Did you mean web?` when one of the known names is a slip of the pen away, else the names that there are. */
export function suggest(name: string, known: readonly string[]): string {
  const near = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance)[0]
  if (near) return ` Did you mean ${near.candidate}?`
  if (known.length === 0) return ' There are none.'
  const shown = known.slice(0, maximumShown).join(', ')
  return ` Known: ${shown}${known.length > maximumShown ? ', …' : ''}.`
}

const maximumShown = 20

/** Insertions, deletions, replacements and swaps of neighbours that make one text the other. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  for (let row = 1; row <= a.length; row++) {
    const present = [row]
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1]
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      present.push(
        Math.min(
          (rows[row - 1]?.[column] ?? 0) + 1,
          (present[column - 1] ?? 0) + 1,
          (rows[row - 1]?.[column - 1] ?? 0) + (isSame ? 0 : 1),
          isSwap ? (rows[row - 2]?.[column - 2] ?? 0) + 1 : Infinity,
        ),
      )
    }
    rows.push(present)
  }
  return rows[a.length]?.[b.length] ?? Infinity
}
