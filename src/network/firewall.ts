import { CommandError, type ProcessHost } from '../host/process.ts'
import { type Namespace, runInside } from './namespace.ts'
import { groupOfLine } from './ruleset.ts'

/** Loads a VPC's ruleset into its namespace. */
export interface Firewall {
  /**
   * Loads the ruleset unless it is in force already. A security group's rule that nftables refuses is left out, so that it costs
   * no other one its effect; answers what was left out and why. Rejects with CommandError when the rest cannot be loaded.
   */
  load(ruleset: string): Promise<readonly string[]>
}

export function createFirewall(processes: ProcessHost, namespace: Namespace): Firewall {
  let loaded: { readonly ruleset: string; readonly problems: readonly string[] } | undefined

  return {
    load: async (ruleset) => {
      if (loaded?.ruleset === ruleset) return loaded.problems
      const problems: string[] = []
      let lines = ruleset.split('\n')
      for (;;) {
        try {
          await runInside(processes, namespace, ['nft', '-f', '-'], lines.join('\n'))
          loaded = { ruleset, problems }
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
