// Measures disks, snapshots and images, each figure beside its reference of the same run, and writes the table into docs/performance.md.
//
//   npm run bench:storage                 builds nothing: run `npm run build` first
//   npm run bench:storage -- attach space only these parts of disk, image, attach, space, chain and push; nothing is written then
//
// Run it on a quiet machine: every figure is a wall clock's.
import { cpus } from 'node:os'
import { execa } from 'execa'
import { type Figure, renderFigures } from './bench/figure.ts'
import { writeReport } from './bench/report.ts'
import { measureAttach } from './bench-storage/attach.ts'
import { measureChain, neverFlatten } from './bench-storage/chain.ts'
import { measureLiveImage } from './bench-storage/live-image.ts'
import { measureNewDisks } from './bench-storage/new-disk.ts'
import { measurePush } from './bench-storage/push.ts'
import { measureSpace } from './bench-storage/space.ts'
import { openStorageLab, type StorageLab } from './bench-storage/storage-lab.ts'

interface Part {
  readonly what: string
  readonly measure: (storage: StorageLab) => Promise<Figure[]>
  readonly configuration?: string
}

const parts: Readonly<Record<string, Part>> = {
  disk: { what: 'new disks from an image of 20 GiB', measure: measureNewDisks },
  image: { what: 'images of a server that writes', measure: measureLiveImage },
  attach: { what: 'volumes attached to a running server', measure: measureAttach },
  space: { what: 'the space of fifty servers', measure: measureSpace },
  chain: { what: 'chains of layers', measure: measureChain, configuration: neverFlatten },
  push: { what: 'an image pushed to a registry that has its base', measure: measurePush },
}

// Labs leave their daemons to themselves; without a reason to stay Node would end while one is waited for.
const reasonToStay = setInterval(() => undefined, 60_000)
const chosen = process.argv.slice(2)
const unknown = chosen.find((name) => !Object.hasOwn(parts, name))
if (unknown !== undefined) throw new Error(`there is no part ${unknown}, only ${Object.keys(parts).join(', ')}`)
const figures: Figure[] = []
for (const [name, part] of Object.entries(parts)) {
  if (chosen.length === 0 || chosen.includes(name)) figures.push(...(await measure(part)))
}
clearInterval(reasonToStay)
const report = await describeRun()
process.stdout.write(`\n${report}`)
if (chosen.length === 0) await writeReport('bench:storage', report)
process.exitCode = figures.some(({ isKept }) => isKept === false) ? 1 : 0

/** Says what is being measured, and the figures as soon as they are there. */
async function measure({ what, measure: work, configuration }: Part): Promise<Figure[]> {
  process.stderr.write(`${what} …\n`)
  const storage = await openStorageLab(configuration)
  try {
    const found = await work(storage)
    for (const { name, value, reference } of found) process.stderr.write(`  ${name}: ${value} (${reference})\n`)
    return found
  } finally {
    // What went wrong before matters more.
    await storage.lab
      .close()
      .catch((error: unknown) => process.stderr.write(`the lab could not be closed: ${String(error)}\n`))
  }
}

async function describeRun(): Promise<string> {
  const { stdout: commit } = await execa('git', ['rev-parse', '--short', 'HEAD'], { cwd: import.meta.dirname })
  const host = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`
  return [`The last run, at commit ${commit}: ${host}.`, '', renderFigures(figures)].join('\n')
}
