// What tsc leaves behind: data files beside the sources that read them at run time go to the same place in dist/.
import { readdirSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { dirname, extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const dataExtensions = new Set(['.json', '.sql', '.yaml'])

for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !dataExtensions.has(extname(entry.name))) continue
  const source = join(entry.parentPath, entry.name)
  await cp(source, join(root, 'dist', relative(join(root, 'src'), source)))
}
