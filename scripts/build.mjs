// Builds dist/ from src/: the programs, each with all that it needs in few files (docs/adr/programs-are-bundled.md), and the data files
// that they read at run time, at the same place as beside the sources.
import { readdirSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import { extname, join, relative } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
const [source, output] = [join(root, 'src'), join(root, 'dist')]
const programs = [
  'daemon/main',
  'daemon/doctor/main',
  'cli/main',
  'network/namespace-helper',
  'disk/build/debian-room-helper',
]
const dataExtensions = new Set(['.json', '.sql', '.yaml'])
// What CommonJS packages inside the bundle call.
const requireForBundle =
  "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);"

await rm(output, { recursive: true, force: true })
await build({
  entryPoints: programs.map((program) => join(source, `${program}.ts`)),
  outbase: source,
  outdir: output,
  bundle: true,
  // The programs share their modules.
  splitting: true,
  chunkNames: 'shared/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  sourcemap: true,
  banner: { js: requireForBundle },
  // They load files of their own package by name: a compiled addon, the programs of worker threads.
  external: ['better-sqlite3', 'pino', 'ssh2'],
  logLevel: 'warning',
})
for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !dataExtensions.has(extname(entry.name))) continue
  const path = join(entry.parentPath, entry.name)
  await cp(path, join(output, relative(source, path)))
}
