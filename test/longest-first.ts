import { basename } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The files that take minutes, the longest first. */
const longest = [
  'debian.test.ts',
  'fast-launch-faults.test.ts',
  'crash.test.ts',
  'clients.test.ts',
  'pipeline.test.ts',
  'fast-launch.test.ts',
  'found-again.test.ts',
  'architecture.test.ts',
  'volume.test.ts',
  'bridged.test.ts',
  'lab-manifest.test.ts',
  'network.test.ts',
  'network-crash.test.ts',
  'life-cycle.test.ts',
  'storage-full.test.ts',
  'cli.test.ts',
  'recovery.test.ts',
  'peering.test.ts',
  'import-layer.test.ts',
]

/**
 * Starts the longest files first, so that none of them runs by itself at the end. Vitest does so by the durations of the run before, which
 * a clean checkout does not have.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const placeOf = ({ moduleId }: TestSpecification) => {
      const place = longest.indexOf(basename(moduleId))
      return place < 0 ? longest.length : place
    }
    const groupOf = ({ project }: TestSpecification) => project.config.sequence.groupOrder
    return sorted.toSorted((a, b) => groupOf(a) - groupOf(b) || placeOf(a) - placeOf(b))
  }
}
