import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const path = join(import.meta.dirname, '../../../../docs/security.md')
const [begin, end] = ['<!-- written by npm run test:attacks -->', '<!-- end of what npm run test:attacks writes -->']

/** One attack: what was sent, and what of it was dropped and counted for the attacker's interface. */
export interface Attack {
  readonly what: string
  readonly sent: number
  readonly dropped: number
}

/** Puts what `npm run test:attacks` counted into docs/security.md; a run of the ordinary tests leaves the page as it is. */
export async function writeAttackReport(attacks: readonly Attack[]): Promise<void> {
  if (process.env['KILN_ATTACK_REPORT'] !== 'yes') return
  const lines = [
    '| attack | packets sent | dropped and counted |',
    '|---|---|---|',
    ...attacks.map(({ what, sent, dropped }) => `| ${what} | ${sent} | ${dropped} |`),
  ]
  const text = await readFile(path, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${path} has no place for the report`)
  await writeFile(path, `${text.slice(0, from + begin.length)}\n\n${lines.join('\n')}\n\n${text.slice(to)}`)
}
