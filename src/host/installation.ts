import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Where Kiln is installed: `config/`, `images/` and `package.json` lie there, beside `src/` and `dist/`. */
export const projectRoot = findProjectRoot(import.meta.dirname)

const isSource = import.meta.filename.endsWith('.ts')

/** A data file that lies beside the sources that read it, by its path in `src/`; the build puts it to the same place in `dist/`. */
export function ownFile(path: string): string {
  return join(projectRoot, isSource ? 'src' : 'dist', path)
}

/** One of Kiln's programs by its path in `src/`, without extension. */
export function ownProgram(path: string): string {
  return ownFile(`${path}.${isSource ? 'ts' : 'js'}`)
}

/** Node's arguments to run one of Kiln's programs: from sources by tsx, as the caller itself does then. */
export function ownProgramArguments(path: string): string[] {
  return isSource ? ['--import', import.meta.resolve('tsx'), ownProgram(path)] : [ownProgram(path)]
}

/** A module does not know how deep the build has put it. */
function findProjectRoot(directory: string): string {
  for (let candidate = directory; ; candidate = dirname(candidate)) {
    if (existsSync(join(candidate, 'package.json'))) return candidate
    if (candidate === dirname(candidate)) throw new Error(`no package.json above ${directory}`)
  }
}
