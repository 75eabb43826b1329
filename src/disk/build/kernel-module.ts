import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

/**
 * The files of modules to insert, each after what it depends on, from the modules of one kernel, lib/modules/VERSION. What is built into
 * the kernel needs none; rejects when a module is neither. Modules say themselves what they depend on, so that nothing is asked that runs
 * on one architecture only.
 */
export async function orderModules(directory: string, names: readonly string[]): Promise<readonly string[]> {
  const paths = new Map<string, string>()
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith('.ko'))
      paths.set(moduleNameOf(entry.name), join(entry.parentPath, entry.name))
  }
  const builtin = await readFile(join(directory, 'modules.builtin'), 'utf8')
  const builtins = new Set(builtin.split('\n').filter(Boolean).map(moduleNameOf))
  const ordered = new Set<string>()
  async function add(name: string): Promise<void> {
    const path = paths.get(name)
    if (path === undefined) {
      if (builtins.has(name)) return
      throw new Error(`the kernel has no module ${name}`)
    }
    if (ordered.has(path)) return
    for (const needed of dependenciesOf(await readFile(path))) await add(needed)
    ordered.add(path)
  }
  for (const name of names) await add(name)
  return [...ordered]
}

/** What a module says in its section `.modinfo`: texts that each end in a zero byte. */
function dependenciesOf(module: Buffer): string[] {
  const mark = '\0depends='
  const start = module.indexOf(mark, 0, 'latin1') + mark.length
  if (start < mark.length) return []
  const text = module.toString('latin1', start, module.indexOf(0, start))
  return text.split(',').filter(Boolean).map(moduleNameOf)
}

/** A module's file may have a hyphen where its name has an underscore. */
function moduleNameOf(path: string): string {
  return basename(path).replace(/\.ko$/, '').replaceAll('-', '_')
}
