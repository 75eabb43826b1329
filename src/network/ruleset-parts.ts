/** A ruleset whose last table is declared anew: declarations of sets and maps in a line each, chains in blocks. */
export interface ParsedRuleset {
  /** What stands before the table. */
  readonly prelude: string
  /** By what they declare: `set NAME`, `map NAME`. */
  readonly declarations: ReadonlyMap<string, string>
  /** The lines of each chain by its name. */
  readonly chains: ReadonlyMap<string, readonly string[]>
}

const header = /^table inet (\S+)\ndelete table inet \1\ntable inet \1 \{\n/m

/** Throws when no table is declared as `table inet NAME`, `delete table inet NAME`, `table inet NAME { … }`. Pure. */
export function parseRuleset(ruleset: string): ParsedRuleset {
  const found = header.exec(ruleset)
  if (!found) throw new Error('the ruleset has no table of its own')
  const declarations = new Map<string, string>()
  const chains = new Map<string, string[]>()
  let chain: string[] | undefined
  const body = ruleset.slice(found.index + found[0].length)
  for (const line of body.trimEnd().replace(/\n\}$/, '').split('\n')) {
    const name = /^ {2}chain (\S+) \{$/.exec(line)?.[1]
    if (name !== undefined) {
      chain = chains.get(name) ?? []
      chains.set(name, chain)
    } else if (line === '  }') chain = undefined
    else if (chain) chain.push(line)
    else declarations.set(/^ {2}(\S+ \S+)/.exec(line)?.[1] ?? line, line)
  }
  return { prelude: ruleset.slice(0, found.index), declarations, chains }
}

/**
 * What leads from one ruleset to another in a table that has the first: chains and sets whose content differs are emptied and filled anew, in
 * one transaction. Undefined when there are other chains or sets, or they are of another kind. Pure.
 */
export function changesBetween(before: ParsedRuleset, after: ParsedRuleset, table: string): string | undefined {
  if (!haveSameKeys(before.chains, after.chains) || !haveSameKeys(before.declarations, after.declarations)) {
    return undefined
  }
  const flushes: string[] = []
  const content: string[] = []
  for (const [key, line] of after.declarations) {
    const old = before.declarations.get(key) ?? ''
    if (old === line) continue
    if (withoutElements(old) !== withoutElements(line)) return undefined
    const [kind = '', name = ''] = key.split(' ')
    flushes.push(`flush ${kind} inet ${table} ${name}`)
    content.push(line)
  }
  for (const [name, lines] of after.chains) {
    const old = before.chains.get(name) ?? []
    if (old.join('\n') === lines.join('\n')) continue
    if (old.find(isHook) !== lines.find(isHook)) return undefined
    flushes.push(`flush chain inet ${table} ${name}`)
    content.push(...block(name, lines))
  }
  const prelude = before.prelude === after.prelude ? '' : after.prelude
  return `${prelude}${[...flushes, `table inet ${table} {`, ...content, '}', ''].join('\n')}`
}

/**
 * The ruleset in pieces that nft takes one after the other, and none of which counts before the last: sets, then chains, then rules are put
 * into a table that is dormant (nft(8): its chains are at no hook); the last piece wakes it and deletes the others. Pure.
 */
export function inPieces(
  { prelude, declarations, chains }: ParsedRuleset,
  { newName, oldNames, pieceLength }: { newName: string; oldNames: readonly string[]; pieceLength: number },
): string[] {
  const all = [...chains]
  const empty = all.map(([name, lines]) => block(name, lines.filter(isHook)).join('\n'))
  const rules = all.flatMap(([name, lines]) =>
    gather(
      lines.filter((line) => !isHook(line)),
      pieceLength,
    ).map((piece) => block(name, piece).join('\n')),
  )
  const gone = (name: string) => `table inet ${name}\ndelete table inet ${name}\n`
  const pieces = gather([...declarations.values(), ...empty, ...rules], pieceLength)
  return [
    `${prelude}${gone(newName)}`,
    ...pieces.map((piece) => [`table inet ${newName} {`, '  flags dormant;', ...piece, '}', ''].join('\n')),
    `table inet ${newName}\n${oldNames.map(gone).join('')}`,
  ]
}

function isHook(line: string): boolean {
  return line.startsWith('    type ')
}

function block(name: string, lines: readonly string[]): string[] {
  return [`  chain ${name} {`, ...lines, '  }']
}

function withoutElements(declaration: string): string {
  return declaration.replace(/ elements = \{.*?\};/, '')
}

function haveSameKeys(first: ReadonlyMap<string, unknown>, second: ReadonlyMap<string, unknown>): boolean {
  return first.size === second.size && [...first.keys()].every((key) => second.has(key))
}

/** Lines in their order, in groups that are no longer than that; a line that is longer has one of its own. */
function gather(lines: readonly string[], length: number): string[][] {
  const groups: string[][] = []
  let room = 0
  for (const line of lines) {
    if (line.length > room) {
      groups.push([])
      room = length
    }
    groups.at(-1)?.push(line)
    room -= line.length
  }
  return groups
}
