// Measures launches from warm templates beside boots of the same image in the same run, and hibernation, and writes the table into
// docs/performance.md.
//
//   npm run bench:launch                  builds nothing: run `npm run build` first
//   npm run bench:launch -- nano          only these parts of nano, debian and hibernation; nothing is written then
//
// Run it on a quiet machine: every figure is a wall clock's.
import { runParts } from './bench/run-parts.ts'
import { measureDebian } from './bench-launch/debian.ts'
import { measureHibernation } from './bench-launch/hibernation.ts'
import { measureNano } from './bench-launch/nano.ts'

const isKept = await runParts('bench:launch', {
  nano: { what: 'nano, booted and from a template', measure: measureNano },
  debian: { what: 'Debian 12, booted and from templates', measure: measureDebian },
  hibernation: { what: 'a server suspended and resumed', measure: measureHibernation },
})
process.exitCode = isKept ? 0 : 1
