import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const path = join(import.meta.dirname, '../../docs/performance.md')

/** Puts what an npm command measured into docs/performance.md, in place of what a run before has put there. */
export async function writeReport(command: string, markdown: string): Promise<void> {
  const [begin, end] = [`<!-- written by npm run ${command} -->`, `<!-- end of what npm run ${command} writes -->`]
  const text = await readFile(path, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${path} has no place for the report`)
  await writeFile(path, `${text.slice(0, from + begin.length)}\n\n${markdown}\n${text.slice(to)}`)
}
