import { cpus } from 'node:os'
import { execa } from 'execa'
import { type Figure, renderFigures } from './figure.ts'
import { writeReport } from './report.ts'

/** A part of what an npm command measures. */
export interface Part {
  readonly what: string
  readonly measure: () => Promise<Figure[]>
}

/**
 * Measures the parts that the command line names, or all of them, says what is there as soon as it is there, prints the table, and puts that
 * of all into docs/performance.md. Answers whether every limit was kept.
 */
export async function runParts(command: string, parts: Readonly<Record<string, Part>>): Promise<boolean> {
  // Labs leave their daemons to themselves; without a reason to stay Node would end while one is waited for.
  const reasonToStay = setInterval(() => undefined, 60_000)
  const chosen = process.argv.slice(2)
  const unknown = chosen.find((name) => !Object.hasOwn(parts, name))
  if (unknown !== undefined) throw new Error(`there is no part ${unknown}, only ${Object.keys(parts).join(', ')}`)
  const figures: Figure[] = []
  for (const [name, { what, measure }] of Object.entries(parts)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue
    process.stderr.write(`${what} …\n`)
    const found = await measure()
    for (const figure of found) process.stderr.write(`  ${figure.name}: ${figure.value} (${figure.reference})\n`)
    figures.push(...found)
  }
  clearInterval(reasonToStay)
  const { stdout: commit } = await execa('git', ['rev-parse', '--short', 'HEAD'], { cwd: import.meta.dirname })
  const host = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`
  const report = [`The last run, at commit ${commit}: ${host}.`, '', renderFigures(figures)].join('\n')
  process.stdout.write(`\n${report}`)
  if (chosen.length === 0) await writeReport(command, report)
  return figures.every(({ isKept }) => isKept !== false)
}
