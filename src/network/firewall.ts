import { CommandError, type ProcessHost } from '../host/process.ts'
import { HelperEnded } from './namespace-broker.ts'
import { type Namespace, runInside } from './namespace.ts'
import type { QuickRunner } from './quick-runner.ts'
import { groupOfLine } from './ruleset.ts'
import { changesBetween, inPieces, type ParsedRuleset, parseRuleset } from './ruleset-parts.ts'

/** Loads a VPC's ruleset into its namespace. */
export interface Firewall {
  /**
   * Loads the ruleset unless it is in force already. A security group's rule that nftables refuses is left out, so that it costs
   * no other one its effect; answers what was left out and why. Rejects with CommandError when the rest cannot be loaded.
   */
  load(ruleset: string): Promise<readonly string[]>
}

/**
 * nft sends a transaction as one message, and what an ordinary user may send at once is bounded (net.core.wmem_max, 208 KiB by default:
 * "Message too long"). A line of a ruleset becomes some four times its length.
 */
const longestTransaction = 24_000
/** The table's name, and those that it has in turn while it is too long for one transaction. */
const [tableName, ...turns] = ['vpc', 'vpc_a', 'vpc_b'] as const

const withoutTurns = turns.map((name) => `table inet ${name}\ndelete table inet ${name}\n`).join('')

interface Loaded {
  readonly ruleset: string
  readonly parsed: ParsedRuleset
  /** The table that has it. */
  readonly table: string
  readonly problems: readonly string[]
}

export function createFirewall(processes: ProcessHost, namespace: Namespace, runQuick: QuickRunner): Firewall {
  let loaded: Loaded | undefined

  async function run(text: string): Promise<string[]> {
    const problems: string[] = []
    let lines = text.split('\n')
    for (;;) {
      try {
        await runQuick(['nft', '-f', '-'], lines.join('\n'))
        return problems
      } catch (error) {
        if (!(error instanceof CommandError)) throw error
        const refused = refusedRules(error.stderrTail, lines)
        if (refused.size === 0) throw error
        for (const [index, why] of refused) {
          problems.push(`a rule of ${groupOfLine(lines[index] ?? '')} has no effect: nft says ${why}`)
        }
        lines = lines.filter((_, index) => !refused.has(index))
      }
    }
  }

  async function replace(ruleset: string, before: Loaded | undefined): Promise<Loaded> {
    const parsed = parseRuleset(ruleset)
    if (before?.problems.length === 0) {
      const changes = changesBetween(before.parsed, parsed, before.table)
      if (changes !== undefined && changes.length <= longestTransaction) {
        return { ruleset, parsed, table: before.table, problems: await run(changes) }
      }
    }
    if (ruleset.length <= longestTransaction) {
      const problems = await run(`${ruleset}${before?.table === tableName ? '' : withoutTurns}`)
      return { ruleset, parsed, table: tableName, problems }
    }
    const newName = (await nameInForce(before)) === turns[0] ? turns[1] : turns[0]
    const oldNames = [tableName, ...turns].filter((name) => name !== newName)
    const problems: string[] = []
    for (const piece of inPieces(parsed, { newName, oldNames, pieceLength: longestTransaction })) {
      problems.push(...(await run(piece)))
    }
    return { ruleset, parsed, table: newName, problems }
  }

  /** An earlier daemon's is asked for. One that it left half made is dormant, and is made anew or deleted. */
  async function nameInForce(before: Loaded | undefined): Promise<string | undefined> {
    if (before) return before.table
    for (const name of turns) {
      const listed = await runInside(processes, namespace, ['nft', 'list', 'table', 'inet', name]).catch(
        () => 'flags dormant',
      )
      if (!listed.includes('flags dormant')) return name
    }
    return undefined
  }

  return {
    load: async (ruleset) => {
      const before = loaded
      if (before?.ruleset === ruleset) return before.problems
      // Unknown until it is there.
      loaded = undefined
      loaded = await replace(ruleset, before).catch(async (error: unknown) => {
        if (!(error instanceof HelperEnded)) throw error
        return await replace(ruleset, undefined)
      })
      return loaded.problems
    },
  }
}

/** Which lines nft complains of, from 0, where they are rules of groups. It says `/dev/stdin:LINE:COLUMNS: Error: WHY`. Pure. */
export function refusedRules(stderr: string, lines: readonly string[]): Map<number, string> {
  const refused = new Map<number, string>()
  for (const [, line = '', why = ''] of stderr.matchAll(/^\/dev\/stdin:(\d+):[\d-]+: Error: (.*)$/gm)) {
    const index = Number(line) - 1
    if (groupOfLine(lines[index] ?? '') !== undefined) refused.set(index, why)
  }
  return refused
}
