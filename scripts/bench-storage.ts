// Measures disks, snapshots and images, each figure beside its reference of the same run, and writes the table into docs/performance.md.
//
//   npm run bench:storage                 builds nothing: run `npm run build` first
//   npm run bench:storage -- attach space only these parts of disk, image, attach, space, chain and push; nothing is written then
//
// Run it on a quiet machine: every figure is a wall clock's.
import type { Figure } from './bench/figure.ts'
import { type Part, runParts } from './bench/run-parts.ts'
import { measureAttach } from './bench-storage/attach.ts'
import { measureChain, neverFlatten } from './bench-storage/chain.ts'
import { measureLiveImage } from './bench-storage/live-image.ts'
import { measureNewDisks } from './bench-storage/new-disk.ts'
import { measurePush } from './bench-storage/push.ts'
import { measureSpace } from './bench-storage/space.ts'
import { openStorageLab, type StorageLab } from './bench-storage/storage-lab.ts'

const isKept = await runParts('bench:storage', {
  disk: inLab('new disks from an image of 20 GiB', measureNewDisks),
  image: inLab('images of a server that writes', measureLiveImage),
  attach: inLab('volumes attached to a running server', measureAttach),
  space: inLab('the space of fifty servers', measureSpace),
  chain: inLab('chains of layers', measureChain, neverFlatten),
  push: inLab('an image pushed to a registry that has its base', measurePush),
})
process.exitCode = isKept ? 0 : 1

/** A part that has a daemon of its own. */
function inLab(what: string, work: (storage: StorageLab) => Promise<Figure[]>, configuration?: string): Part {
  const measure = async () => {
    const storage = await openStorageLab(configuration)
    try {
      return await work(storage)
    } finally {
      // What went wrong before matters more.
      await storage.lab
        .close()
        .catch((error: unknown) => process.stderr.write(`the lab could not be closed: ${String(error)}\n`))
    }
  }
  return { what, measure }
}
