import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const path = join(import.meta.dirname, '../../../docs/reliability.md')
const [begin, end] = ['<!-- written by npm run test:faults -->', '<!-- end of what npm run test:faults writes -->']

/** Puts what `npm run test:faults` counted into docs/reliability.md; a run of the ordinary tests leaves the page as it is. */
export async function writeFaultReport(found: {
  rounds: number
  kills: Readonly<Record<string, number>>
  looks: Readonly<Record<'contents' | 'checks' | 'pushed', number>>
  counts: ReadonlyMap<string, { readonly done: number; readonly brokenOff: number }>
  seed: string
}): Promise<void> {
  if (process.env['KILN_FAULT_REPORT'] !== 'yes') return
  const { rounds, kills, looks, counts, seed } = found
  const lines = [
    `The last run: SIGKILL at ${rounds} moments (${Object.entries(kills)
      .map(([victim, count]) => `${victim} ${count}`)
      .join(', ')}); \`KILN_TEST_SEED=${seed}\`.`,
    '',
    '| what was under way | acknowledged | broken off by a kill |',
    '|---|---|---|',
    ...[...counts].map(([act, { done, brokenOff }]) => `| ${act} | ${done} | ${brokenOff} |`),
    '',
    `Contents of snapshots read and compared: ${looks.contents}; files checked by \`qemu-img check\`: ${looks.checks}. Lost: 0. Room lost: 0. Left behind: 0.`,
  ]
  const text = await readFile(path, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${path} has no place for the report`)
  await writeFile(path, `${text.slice(0, from + begin.length)}\n\n${lines.join('\n')}\n\n${text.slice(to)}`)
}
