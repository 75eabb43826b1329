import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { projectRoot } from '../../host/installation.ts'
import type { Session } from '../session.ts'

const template = join(projectRoot, 'config/kiln.service')

/** config/kiln.service with the paths of this installation and of this state directory. */
export async function renderServiceUnit(session: Session): Promise<string> {
  const [node, ...rest] = session.self
  const program = rest.at(-1) ?? ''
  const command = [node, ...rest.slice(0, -1), resolve(program)].map(quoteWord).join(' ')
  const text = await readFile(template, 'utf8')
  return text
    .replaceAll('@command@', () => command)
    .replaceAll('@home@', () => quoteWord(`KILN_HOME=${session.paths.root}`))
}

/** A word of a systemd unit (systemd.syntax(7)): quoted, with its specifiers and variables made plain. */
function quoteWord(word: string): string {
  return `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`
}
